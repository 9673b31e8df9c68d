"""Many calls at once, and a key with a chatflow of its own for each test."""

import itertools
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from tests.server.shipped import Answer, Shipped

_numbers = itertools.count(1)
QUESTION = "What is Flowlatch?"


class Pair(NamedTuple):
    """A key and the one chatflow that it opens."""

    server: Shipped
    name: str  # of both
    key: str
    chatflow: str

    def ask(self, key: str | None = None, **fields: Any) -> Answer:
        """Ask with the key."""
        return self.server.predict(key or self.key, self.chatflow, **fields)

    def limit_key(self, **limits: Any) -> None:
        """Set columns of the key."""
        self.server.do("change_key", name=self.name, **limits)

    def limit_chatflow(self, **limits: Any) -> None:
        """Set columns of the chatflow."""
        self.server.do("change_chatflow", chatflow=self.chatflow, **limits)

    def reasons(self, count: int) -> Counter[str]:
        """The reasons of the recorded calls, once there are `count`."""
        rows = self.server.wait_for_calls(count, self.chatflow)
        return Counter(row["reason"] for row in rows)


def pair(server: Shipped) -> Pair:
    """Make a key and a chatflow that answers at once."""
    name = f"limits {next(_numbers)}"
    entries = [[QUESTION, "A front door."]]
    chatflow = server.do("make_chatflow", team="acme", name=name, entries=entries)
    key = server.do("make_key", team="acme", name=name, opens=[chatflow])
    return Pair(server, name, key, chatflow)


def statuses(ask: Callable[[], Answer], count: int, at_once: int = 8) -> Counter[int]:
    """The statuses of so many calls, some of them at once."""
    with ThreadPoolExecutor(at_once) as clients:
        return Counter(clients.map(lambda _: ask().status, range(count)))
