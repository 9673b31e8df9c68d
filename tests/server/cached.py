"""A server that does what ours must not: it keeps what it read about a key and a chatflow."""

import os
import sys
from pathlib import Path
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.asgi import pages

# isort: split
import uvicorn
from django.conf import settings

from chatflows.gate.facts import Facts
from chatflows.gate.middleware import BearerGate
from chatflows.gate.recorder import Recorder
from chatflows.gate.sqlite_reader import SqliteReader
from chatflows.services import calls
from config import preparation, server


class CachingReader(SqliteReader):
    """Never asks twice."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._kept: dict[tuple[str | None, UUID], Facts] = {}

    async def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """What was true once."""
        name = (public_id, chatflow_id)
        if name not in self._kept:
            self._kept[name] = await super().read(public_id, chatflow_id)
        return self._kept[name]


application = BearerGate(
    pages,
    reader=CachingReader(Path(settings.DATABASES["default"]["NAME"])),
    make_recorder=lambda: Recorder(calls.write),
)

if __name__ == "__main__":
    preparation.prepare()
    sys.stdout.write("\n".join(preparation.welcome()) + "\n")
    sys.stdout.flush()
    uvicorn.run(**{**server.options(), "app": application})
