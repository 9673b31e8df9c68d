"""The shipped server by one of its two ways, as WAY says.

`ordinary`: it has no short way. `noted`: it notes in the file `ways` what its short way does.
"""

import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config import served

# isort: split
from django.core.management import call_command

from config import server

_options = server.options


class Noted:
    """The short way of the shipped server, which must have one."""

    def __init__(self, file: Path) -> None:
        self._short_way = served.application.short_way
        self._file = file.open("a", buffering=1)
        self.is_for = self._short_way.is_for

    def take(self, held: Any, client: Any, then: Any) -> None:
        """See ShortWay."""

        def note(reply: Any) -> bool:
            self._file.write("ordinary\n" if reply is None else "short\n")
            return bool(then(reply))

        self._short_way.take(held, client, note)


class Application:
    """The shipped application, by one way."""

    def __init__(self) -> None:
        if os.environ["WAY"] == "noted":
            self.short_way = Noted(Path(os.environ["FLOWLATCH_DATA"]) / "ways")

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """ASGI."""
        return served.application(scope, receive, send)


application = Application()


def options(**how: Any) -> dict[str, Any]:
    """The arguments of uvicorn.Config, with this module's application."""
    return {**_options(**how), "app": "tests.server.ways:application"}


if __name__ == "__main__":
    server.options = options
    call_command("serve")
