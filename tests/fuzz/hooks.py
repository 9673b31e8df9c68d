"""Gives schemathesis a key for each request, in turn: each has a limit a minute."""

import itertools
import os
from typing import Any

import schemathesis

KEYS = os.environ.get("FUZZ_KEYS", "").split()


if KEYS:

    @schemathesis.auth(refresh_interval=None)
    class OneAfterTheOther:
        """Sends the keys in turn."""

        turns = itertools.cycle(KEYS)

        def get(self, case: Any, context: Any) -> str:
            """Return the next key."""
            return next(self.turns)

        def set(self, case: Any, data: str, context: Any) -> None:
            """Put it into the header."""
            case.headers["Authorization"] = f"Bearer {data}"
