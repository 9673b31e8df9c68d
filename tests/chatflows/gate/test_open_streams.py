"""Open streams: bounded for the process and for each holder, and asked again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from unittest.mock import Mock
from uuid import UUID

import pytest
from pytest_django import Settings

from accounts.outages import Unavailable
from chatflows import predictions
from chatflows.access.decisions import Decision, Reason
from chatflows.gate import open_streams
from chatflows.gate.open_streams import Ending, OpenStream, OpenStreams
from chatflows.gate.readers.facts import AbortReader
from chatflows.gate.verdicts import Round

pytestmark = pytest.mark.fast

FLOW, OTHER, KEY = UUID(int=1), UUID(int=2), UUID(int=3)
THREAD = predictions.thread_id(FLOW, str(KEY), "c")
LET_IN = Decision(True, 200, "ok", Reason.OK)
REVOKED = Decision(False, 401, "invalid_token", Reason.REVOKED)
AWAY = Decision(False, 503, "unavailable", Reason.UNAVAILABLE)


class Aborted:
    """A database where somebody stopped conversations, so many seconds ago."""

    def __init__(self, ages: dict[str, float] | Exception) -> None:
        self._ages = ages
        self.asked: list[list[str]] = []

    async def aborts(self, thread_ids: Sequence[str]) -> dict[str, float]:
        """See AbortReader."""
        self.asked.append([*thread_ids])
        if isinstance(self._ages, Exception):
            raise self._ages
        return self._ages


NOBODY = Aborted({})
ROUND = Round(Mock())  # nobody here reads anything


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "EVERY", 0)


def asks(*decisions: Decision | Exception) -> Callable[[Round], Awaitable[Decision]]:
    """Answers them in turn, the last one for ever."""
    left = [*decisions]

    async def ask(_: Round) -> Decision:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def stream(flow: UUID = FLOW, caller: str = "", *decisions: Decision | Exception) -> OpenStream:
    return OpenStream(flow, caller, asks(*(decisions or (LET_IN,))))


def test_a_process_takes_so_many_and_no_more(settings: Settings) -> None:
    settings.MAX_STREAMS, settings.MAX_STREAMS_PER_KEY = 3, 3

    async def story() -> None:
        streams = OpenStreams(NOBODY, lambda: ROUND)
        mine = [stream(caller=str(UUID(int=n))) for n in range(1, 5)]
        assert [streams.enter(each) for each in mine] == [True, True, True, False]
        streams.leave(mine[0])
        assert streams.enter(mine[3])

    asyncio.run(story())


def test_a_holder_takes_so_many_and_others_are_free(settings: Settings) -> None:
    settings.MAX_STREAMS, settings.MAX_STREAMS_PER_KEY = 100, 2

    async def story() -> None:
        streams = OpenStreams(NOBODY, lambda: ROUND)
        key = str(KEY)
        first = stream(FLOW, key)
        assert streams.enter(first)
        assert streams.enter(stream(OTHER, key))
        assert not streams.enter(stream(FLOW, key)), "a key is counted over all chatflows"
        assert [streams.enter(stream(FLOW)) for _ in range(3)] == [True, True, False]
        assert streams.enter(stream(OTHER)), "strangers are counted for each chatflow"
        streams.leave(first)
        assert streams.enter(stream(FLOW, key))

    asyncio.run(story())


async def cancelled(running: OpenStream, act: Callable[[], object]) -> None:
    """Run it, act, and see it cancelled."""

    async def answer() -> None:
        act()
        for _ in range(50):
            await asyncio.sleep(0)

    task = asyncio.create_task(answer())
    with running.running(task), pytest.raises(asyncio.CancelledError):
        await task


async def ending_of(
    asked: OpenStream, *, rounds: int = 50, database: AbortReader = NOBODY
) -> Ending | Decision | None:
    """How a stream that would run for ever ends while it is watched."""
    streams = OpenStreams(database, lambda: ROUND)
    assert streams.enter(asked)

    async def answer() -> None:
        for _ in range(rounds):
            await asyncio.sleep(0)

    task = asyncio.create_task(answer())
    with asked.running(task):
        await asyncio.wait([task])
    streams.leave(asked)
    return asked.ending


@pytest.mark.parametrize(
    ("decisions", "ending"),
    [
        ((LET_IN,), None),
        ((LET_IN, LET_IN, REVOKED), REVOKED),
        ((AWAY, LET_IN), None),
        ((AWAY, LET_IN, AWAY, LET_IN), None),
        ((AWAY, AWAY), AWAY),
        ((ValueError(), LET_IN), None),
        ((ValueError(), REVOKED), REVOKED),
    ],
    ids=["let in", "revoked", "away once", "away twice, not in a row", "away", "fault", "both"],
)
def test_a_stream_is_asked_again_until_it_is_refused(
    decisions: tuple[Decision | Exception, ...], ending: Decision | None
) -> None:
    assert asyncio.run(ending_of(stream(FLOW, "", *decisions))) == ending


def test_one_that_cannot_be_asked_leaves_the_others_asked() -> None:
    async def story() -> None:
        streams = OpenStreams(NOBODY, lambda: ROUND)
        broken, revoked = stream(FLOW, "", ValueError()), stream(OTHER, "", REVOKED)
        assert streams.enter(broken)
        assert streams.enter(revoked)
        await cancelled(revoked, lambda: None)
        assert revoked.ending is REVOKED
        assert broken.ending is None

    asyncio.run(story())


def test_an_abort_ends_the_callers_own_conversation_alone() -> None:
    async def story() -> None:
        streams = OpenStreams(NOBODY, lambda: ROUND)
        opened = [stream(FLOW, str(KEY)), stream(FLOW), stream(OTHER, str(KEY))]
        for each in opened:
            each.chat_id = "c"
            assert streams.enter(each)
        assert not streams.abort(FLOW, str(KEY), "d")
        assert not streams.abort(FLOW, str(OTHER), "c")
        await cancelled(opened[0], lambda: streams.abort(FLOW, str(KEY), "c"))
        assert [each.ending for each in opened] == [Ending.ABORTED, None, None]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("aborted", "ending"),
    [
        ({THREAD: 1.0}, Ending.ABORTED),
        ({THREAD: 9.0}, None),
        ({str(OTHER): 1.0}, None),
        (Unavailable("away"), None),
        (ValueError(), None),
    ],
    ids=["since it began", "before it began", "another", "away", "fault"],
)
def test_an_abort_in_another_process_ends_what_began_before_it(
    aborted: dict[str, float] | Exception, ending: Ending | None
) -> None:
    async def story() -> None:
        asked = stream(FLOW, str(KEY))
        asked.chat_id = "c"
        asked.began -= 5
        assert await ending_of(asked, database=Aborted(aborted)) == ending

    asyncio.run(story())


def test_all_open_streams_are_asked_for_in_one_question() -> None:
    database = Aborted({})

    async def story() -> None:
        streams = OpenStreams(database, lambda: ROUND)
        opened = [stream(UUID(int=n)) for n in range(1, 200)]
        for each in opened[1:]:
            each.chat_id = "c"
        for each in opened:
            assert streams.enter(each)
        while not database.asked:
            await asyncio.sleep(0)
        for each in opened:
            streams.leave(each)

    asyncio.run(story())
    assert len(set(database.asked[0])) == 198, "one whose question is not read yet has no name"


def test_the_first_reason_counts() -> None:
    ended = stream()

    def end_twice() -> None:
        ended.end(Ending.GONE)
        ended.end(REVOKED)

    async def story() -> None:
        await cancelled(ended, end_twice)
        assert ended.ending is Ending.GONE

    asyncio.run(story())
