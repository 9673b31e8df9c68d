"""The shipped server, in a hurry.

Its worker looks often and gives its jobs little time to end; its streams are silent only briefly.
"""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config import served

# isort: split
from django.core.management import call_command

from accounts.worker import worker
from chatflows.predictions import running
from config import server

SECONDS = 0.5

running.FIRST_COMMENT = running.COMMENTS_EVERY = SECONDS
worker.LOOK_EVERY = worker.RENEW_EVERY = SECONDS
server.GRACE = 3  # most of them are for last words
_options = server.options


class Hurried(worker.Worker):
    """Stops soon."""

    def stop(self, within: float = SECONDS) -> None:
        """See Worker."""
        super().stop(within)


served.Worker = Hurried  # type: ignore[attr-defined]
application = served.application


def options(**how: Any) -> dict[str, Any]:
    """The arguments of uvicorn.Config, with this module's application."""
    return {**_options(**how), "app": "tests.server.hurried:application"}


if __name__ == "__main__":
    server.options = options
    call_command("serve")
