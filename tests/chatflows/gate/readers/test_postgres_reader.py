"""The PostgreSQL reader: one stamp for all who wait, nothing kept beyond it, each waiter alone."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import Team
from accounts.outages import Unavailable
from chatflows.access.decisions import Mode
from chatflows.gate.readers import postgres
from chatflows.gate.readers.postgres import PostgresReader
from chatflows.gate.readers.postgres_link import PostgresLink, Rows, Then, Values
from chatflows.models import Chatflow
from config import databases
from tests import factories

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the tests' database is SQLite"),
]


def parameters() -> dict[str, Any]:
    """libpq's words for the tests' database."""
    return databases.connection_parameters(
        {**settings.DATABASES["default"], "NAME": connection.settings_dict["NAME"]}
    )


def run(story: Callable[[PostgresReader], Awaitable[None]], loop: str = "asyncio") -> None:
    """Let a story have a reader, in a loop of this kind."""

    async def told() -> None:
        reader = PostgresReader(parameters())
        try:
            await story(reader)
        finally:
            reader.close()

    if loop == "uvloop":
        import uvloop

        uvloop.run(told())
    else:
        asyncio.run(told())


def count(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names of the statements that are sent from now on."""
    sent: list[bytes] = []
    real = PostgresLink._next

    def counted(self: PostgresLink, loop: asyncio.AbstractEventLoop) -> None:
        before = list(self._unsent)
        real(self, loop)
        sent.extend(name for name, _ in before[: len(before) - len(self._unsent)])

    monkeypatch.setattr(PostgresLink, "_next", counted)
    return sent


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_all_who_ask_at_once_share_one_stamp_and_one_reading(
    acme: Team, monkeypatch: pytest.MonkeyPatch, loop: str
) -> None:
    flow = factories.chatflow(acme, "Support")

    async def story(reader: PostgresReader) -> None:
        await reader.read(None, flow.id)
        sent = count(monkeypatch)
        found = await asyncio.gather(*(reader.read(None, flow.id) for _ in range(50)))
        assert all(facts.chatflow is not None for facts in found)
        assert sent == [b"stamp"]
        reader._kept.clear()
        sent.clear()
        await asyncio.gather(*(reader.read(None, flow.id) for _ in range(50)))
        assert sent == [b"stamp", b"facts"]

    run(story, loop)


def test_a_cancelled_waiter_takes_nobody_along(acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")

    async def story(reader: PostgresReader) -> None:
        waiting = [asyncio.ensure_future(reader.read(None, flow.id)) for _ in range(10)]
        await asyncio.sleep(0)
        for each in waiting[::2]:
            each.cancel()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each).__name__ for each in found] == ["CancelledError", "Facts"] * 5

    run(story)


def test_what_was_read_under_an_older_stamp_is_not_kept(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = factories.chatflow(acme, "Support")
    other = factories.chatflow(acme, "Other")

    async def story(reader: PostgresReader) -> None:
        real = reader._quick.ask_soon
        closed = Chatflow.objects.filter(pk=flow.pk)

        def slow(name: bytes, values: Values, then: Then) -> None:
            if name != b"facts":
                real(name, values, then)
                return
            monkeypatch.setattr(reader._quick, "ask_soon", real)

            async def meanwhile(found: Rows | Unavailable) -> None:
                # Its chatflow is closed, and another request sees it.
                await asyncio.to_thread(
                    lambda: _in_thread(lambda: closed.update(access_mode="off"))
                )
                await reader.read(None, other.id)
                then(found)

            real(name, values, lambda found: tasks.append(asyncio.ensure_future(meanwhile(found))))

        tasks: list[asyncio.Future[None]] = []
        monkeypatch.setattr(reader._quick, "ask_soon", slow)
        await reader.read(None, flow.id)
        assert (None, flow.id) not in reader._kept
        access = (await reader.read(None, flow.id)).chatflow
        assert access is not None
        assert access.mode is Mode.OFF

    run(story)


def _in_thread(change: Callable[[], object]) -> None:
    try:
        change()
    finally:
        connection.close()


def test_no_more_is_kept_than_there_is_room_for(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "MAX_KEPT", 3)

    async def story(reader: PostgresReader) -> None:
        for number in range(10):
            await reader.read(f"key{number}", factories.NOBODYS_ID)
        assert [name for name, _ in reader._kept] == ["key7", "key8", "key9"]
        await reader.read("key7", factories.NOBODYS_ID)
        await reader.read("key0", factories.NOBODYS_ID)
        assert [name for name, _ in reader._kept] == ["key9", "key7", "key0"]

    run(story)


def test_a_slow_statement_is_given_up_and_the_next_one_is_answered(acme: Team) -> None:
    async def story() -> None:
        statements = {b"slow": "SELECT pg_sleep(5)", b"quick": "SELECT 1"}
        link = PostgresLink(parameters(), statements, deadline=0.2)
        slow, behind = link.ask(b"slow"), link.ask(b"quick")
        for each in (slow, behind):
            with pytest.raises(Unavailable):
                await each
        assert await link.ask(b"quick") == [("1",)]
        link.close()
        assert await link.ask(b"quick") == [("1",)]  # a closed one opens again
        link.close()

    asyncio.run(story())


def test_a_loop_that_was_busy_itself_finds_the_answer(acme: Team) -> None:
    async def story() -> None:
        link = PostgresLink(parameters(), {b"quick": "SELECT 1"}, deadline=0.1)
        await link.ask(b"quick")
        waiter = link.ask(b"quick")
        await asyncio.sleep(0)
        import time

        time.sleep(0.3)
        assert await waiter == [("1",)]
        assert link.losses == 0
        link.close()

    asyncio.run(story())


def test_an_unreachable_server_is_tried_less_and_less_often() -> None:
    async def story() -> None:
        nowhere = {**parameters(), "port": 1}
        link = PostgresLink(nowhere, {b"quick": "SELECT 1"}, deadline=1)
        for _ in range(20):
            with pytest.raises(Unavailable):
                await link.ask(b"quick")
        assert link.losses == 1  # one attempt; the others didn't wait for another
        link.close()

    asyncio.run(story())


def test_the_reader_cannot_write(acme: Team) -> None:
    async def story() -> None:
        reader = PostgresReader(parameters())
        link = PostgresLink(
            reader._quick._parameters, {b"w": "DELETE FROM accounts_team"}, deadline=1
        )
        with pytest.raises(Unavailable):
            await link.ask(b"w")
        link.close()

    asyncio.run(story())
    assert Team.objects.exists()


def test_a_caller_that_breaks_leaves_no_other_waiting(acme: Team) -> None:
    def broken(found: Rows | Unavailable) -> None:
        raise RuntimeError

    async def story() -> None:
        link = PostgresLink(parameters(), {b"quick": "SELECT 1"}, deadline=1)
        link.ask_soon(b"quick", (), broken)
        beside, behind = link.ask(b"quick"), link.ask(b"quick", ())
        async with asyncio.timeout(5):
            assert await beside == await behind == [("1",)]
            link.ask_soon(b"quick", (), broken)
            refused = link.ask(b"quick")
            link.close()
            with pytest.raises(Unavailable):
                await refused

    asyncio.run(story())


def test_a_process_without_files_left_answers_those_who_wait_and_connects_later(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(number: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    async def story() -> None:
        link = PostgresLink(parameters(), {b"quick": "SELECT 1"}, deadline=1)
        with monkeypatch.context() as patched:
            patched.setattr("os.dup", none_left)
            with pytest.raises(Unavailable):
                async with asyncio.timeout(5):
                    await link.ask(b"quick")
        link.close()
        assert await link.ask(b"quick") == [("1",)]
        link.close()

    asyncio.run(story())
