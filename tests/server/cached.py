"""A server that does what ours must not: it keeps what it read about a key and a chatflow."""

import os
import sys
from collections.abc import Callable, Sequence
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.asgi import make_reader, pages

# isort: split
import uvicorn
from django.conf import settings

from chatflows.calls import store
from chatflows.calls.recorder import Recorder
from chatflows.engines.sources import EngineSource
from chatflows.gate.middleware import BearerGate
from chatflows.gate.readers.facts import AccessReader, Facts
from chatflows.protocols.openai.models import Model
from config import preparation, server


class CachingReader:
    """Never asks twice."""

    def __init__(self, reader: AccessReader) -> None:
        self._reader = reader
        self._kept: dict[tuple[str | None, UUID], Facts] = {}

    async def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """What was true once."""
        name = (public_id, chatflow_id)
        if name not in self._kept:
            self._kept[name] = await self._reader.read(public_id, chatflow_id)
        return self._kept[name]

    def read_soon(
        self, public_id: str | None, chatflow_id: UUID, then: Callable[[Facts | None], None]
    ) -> None:
        """What was true once."""
        name = (public_id, chatflow_id)

        def keep(facts: Facts | None) -> None:
            if facts is not None:
                self._kept[name] = facts
            then(facts)

        if name in self._kept:
            then(self._kept[name])
        else:
            self._reader.read_soon(public_id, chatflow_id, keep)

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """As it is."""
        return await self._reader.engine_source(chatflow_id)

    async def models(self, team_id: UUID, key_id: UUID) -> tuple[Model, ...]:
        """As they are."""
        return await self._reader.models(team_id, key_id)

    async def aborts(self, thread_ids: Sequence[str]) -> dict[str, float]:
        """As they are."""
        return await self._reader.aborts(thread_ids)

    async def counts(
        self, subjects: Sequence[UUID], periods: Sequence[str]
    ) -> dict[tuple[UUID, str], int]:
        """As they are."""
        return await self._reader.counts(subjects, periods)

    def watch(self, then: Callable[[], None]) -> None:
        """As it is."""
        self._reader.watch(then)

    def look(self) -> None:
        """As it is."""
        self._reader.look()

    def close(self) -> None:
        """Let go."""
        self._reader.close()


application = BearerGate(
    pages,
    reader=CachingReader(make_reader()),
    make_recorder=lambda: Recorder(store.write),
)

if __name__ == "__main__":
    preparation.prepare()
    sys.stdout.write("\n".join(preparation.welcome()) + "\n")
    sys.stdout.flush()
    uvicorn.run(
        **{
            **server.options(workers=settings.WEB_CONCURRENCY),
            "app": "tests.server.cached:application",
        }
    )
