"""Running answers: bounded by group and holder, re-checked, and ended within two seconds."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.engines import Done, Event, Token
from chatflows.predictions import running
from chatflows.predictions.running import Ending, RunningAnswer, RunningAnswers

pytestmark = pytest.mark.fast

FLOW, OTHER = UUID(int=1), UUID(int=2)
REVOKED, AWAY = Refused(codes.INVALID_TOKEN), Refused(codes.UNAVAILABLE)
Found = Refused | Exception | None


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "EVERY", 0)


class Group:
    """Finds the same for all its answers, in turn; the last thing for ever."""

    def __init__(self, *found: Found, in_all: int = 100) -> None:
        self.found = [*(found or (None,))]
        self.in_all = in_all
        self.checked: list[int] = []

    async def recheck(self, answers: Sequence[RunningAnswer]) -> None:
        """See running.Group."""
        self.checked.append(len(answers))
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, Exception) and not isinstance(found, Refused):
            raise found
        for answer in answers:
            answer.note(found)


def answer(
    group: Group, holder: str = "a", flow: UUID = FLOW, chat_id: str = "", most: int = 100
) -> RunningAnswer:
    return RunningAnswer(group, {holder: most, "all": 100}, flow, holder, chat_id)


def test_a_group_takes_so_many_and_no_more() -> None:
    async def story() -> None:
        registry, group = RunningAnswers(), Group(in_all=3)
        mine = [answer(group, str(n)) for n in range(4)]
        assert [registry.enter(each) for each in mine] == [True, True, True, False]
        assert registry.is_full(group, {"new": 100})
        assert registry.enter(answer(Group())), "another group has room of its own"
        registry.leave(mine[0])
        assert registry.enter(mine[3])

    asyncio.run(story())


def test_a_holder_takes_so_many_and_others_are_free() -> None:
    async def story() -> None:
        registry, group = RunningAnswers(), Group()
        first = answer(group, most=2)
        assert registry.enter(first)
        assert registry.enter(answer(group, flow=OTHER, most=2)), "counted over all chatflows"
        assert not registry.enter(answer(group, most=2))
        assert registry.is_full(group, {"b": 2, "a": 2})
        assert not registry.is_full(group, {"b": 2})
        assert registry.enter(answer(group, "b", most=2))
        registry.leave(first)
        assert registry.enter(answer(group, most=2))

    asyncio.run(story())


async def ending_of(mine: RunningAnswer, act: Callable[[], object] = bool) -> object:
    """How an answer ends that runs for fifty turns of the loop while it is watched."""
    registry = RunningAnswers()
    assert registry.enter(mine)

    async def run() -> None:
        act()
        for _ in range(50):
            await asyncio.sleep(0)

    task = asyncio.create_task(run())
    with mine.running(task):
        await asyncio.wait([task])
    registry.leave(mine)
    assert task.cancelled() is (mine.ending is not None)
    return mine.ending


@pytest.mark.parametrize(
    ("found", "ending"),
    [
        ((None,), None),
        ((None, None, REVOKED), REVOKED),
        ((AWAY, None), None),
        ((AWAY, None, AWAY, None), None),
        ((AWAY, AWAY), AWAY),
        ((ValueError(), None), None),
        ((ValueError(), REVOKED), REVOKED),
        ((ValueError(),), running.UNCHECKED),
    ],
    ids=["allowed", "revoked", "away once", "twice apart", "away", "fault once", "both", "fault"],
)
def test_an_answer_is_rechecked_until_it_is_refused(
    found: tuple[Found, ...], ending: Refused | None
) -> None:
    assert asyncio.run(ending_of(answer(Group(*found)))) is ending


def test_a_group_that_cannot_be_checked_leaves_the_others_checked() -> None:
    async def story() -> None:
        registry = RunningAnswers()
        broken, revoked = answer(Group(ValueError())), answer(Group(REVOKED))
        assert registry.enter(broken)
        assert registry.enter(revoked)
        task = asyncio.create_task(asyncio.sleep(10))
        with revoked.running(task), pytest.raises(asyncio.CancelledError):
            await task
        assert revoked.ending is REVOKED
        assert broken.ending is None

    asyncio.run(story())


def test_a_group_that_waits_for_its_database_leaves_the_others_checked() -> None:
    class Stuck(Group):
        async def recheck(self, answers: Sequence[RunningAnswer]) -> None:
            await asyncio.Event().wait()

    async def story() -> None:
        registry = RunningAnswers()
        revoked = answer(Group(REVOKED))
        assert registry.enter(answer(Stuck()))
        assert registry.enter(revoked)
        task = asyncio.create_task(asyncio.sleep(10))
        with revoked.running(task), pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await task
        assert revoked.ending is REVOKED

    asyncio.run(story())


def test_a_watcher_outlives_the_request_that_came_first() -> None:
    class Threaded(Group):
        async def recheck(self, answers: Sequence[RunningAnswer]) -> None:
            found = await sync_to_async(lambda: REVOKED)()
            for each in answers:
                each.note(found)

    async def story() -> None:
        registry, group = RunningAnswers(), Threaded()
        first, second = answer(group, "a"), answer(group, "b")

        async def ask() -> None:
            assert registry.enter(first)

        await sync_to_async(async_to_sync(ask))()  # as a view does that answers in one piece
        assert registry.enter(second)
        registry.leave(first)
        task = asyncio.create_task(asyncio.sleep(10))
        with second.running(task), pytest.raises(asyncio.CancelledError):
            await task
        assert second.ending is REVOKED

    asyncio.run(story())


def test_a_watcher_checks_its_whole_group_and_rests_when_nothing_runs() -> None:
    async def story() -> None:
        registry, group = RunningAnswers(), Group()
        mine = [answer(group, str(n)) for n in range(3)]
        for each in mine:
            assert registry.enter(each)
        while not group.checked:
            await asyncio.sleep(0)
        for each in mine:
            registry.leave(each)
        for _ in range(5):
            await asyncio.sleep(0)
        rounds = len(group.checked)
        assert set(group.checked) == {3}
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(group.checked) == rounds
        assert registry.enter(mine[0]), "and begins again"
        while len(group.checked) == rounds:
            await asyncio.sleep(0)
        registry.leave(mine[0])

    asyncio.run(story())


def test_an_abort_ends_the_callers_own_conversation_alone() -> None:
    async def story() -> None:
        registry, group = RunningAnswers(), Group()
        opened = [answer(group, "a", FLOW, "c"), answer(group, "b", FLOW, "c")]
        opened += [answer(group, "a", OTHER, "c"), answer(Group(), "a", FLOW, "c")]
        for each in opened:
            assert registry.enter(each)
        assert not registry.abort(group, FLOW, "a", "d")
        assert not registry.abort(group, FLOW, "z", "c")
        task = asyncio.create_task(asyncio.sleep(10))
        with opened[0].running(task):
            assert registry.abort(group, FLOW, "a", "c")
            await asyncio.wait([task])
        assert [each.ending for each in opened] == [Ending.ABORTED, None, None, None]

    asyncio.run(story())


def test_the_first_reason_counts() -> None:
    mine = answer(Group())

    def end_twice() -> None:
        mine.end(Ending.GONE)
        mine.end(REVOKED)

    assert asyncio.run(ending_of(mine, end_twice)) is Ending.GONE


def test_an_answer_ends_with_its_client() -> None:
    async def story() -> None:
        mine, leave = answer(Group()), asyncio.Event()

        async def run() -> None:
            async def client_leaves() -> None:
                await leave.wait()

            with mine.ending_with(client_leaves()):
                leave.set()
                await asyncio.sleep(10)

        task = asyncio.create_task(run())
        with mine.running(task):
            await asyncio.wait([task])
        assert mine.ending is Ending.GONE

    asyncio.run(story())


# Events that are passed on for as long as an answer may run.


class Answer:
    """Events, then silence; notes that it was closed."""

    def __init__(self, *events: Event, is_silent: bool = False) -> None:
        self.events, self.is_silent, self.is_closed = events, is_silent, False

    async def __call__(self) -> AsyncGenerator[Event, None]:
        try:
            for event in self.events:
                yield event
            if self.is_silent:
                await asyncio.Event().wait()
        finally:
            self.is_closed = True


def passed_on(said: Answer, *found: Found) -> tuple[list[Event], object]:
    """What came through, and how it ended."""
    mine, registry = answer(Group(*found)), RunningAnswers()

    async def collect() -> list[Event]:
        assert registry.enter(mine)
        try:
            return [event async for event in running.while_allowed(said(), mine)]
        finally:
            registry.leave(mine)

    return asyncio.run(asyncio.wait_for(collect(), 5)), mine.ending


def test_an_answer_that_is_allowed_comes_whole() -> None:
    said = Answer(Token("a"), Token("b"), Done())
    assert passed_on(said) == ([Token("a"), Token("b"), Done()], None)
    assert said.is_closed


def test_a_silent_answer_ends_when_the_right_does() -> None:
    said = Answer(Token("a"), is_silent=True)
    assert passed_on(said, None, None, REVOKED) == ([Token("a")], REVOKED)
    assert said.is_closed


def test_an_answer_that_never_pauses_ends_too() -> None:
    class Endless(Answer):
        async def __call__(self) -> AsyncGenerator[Event, None]:
            try:
                while True:
                    yield Token("a")
                    await asyncio.sleep(0)
            finally:
                self.is_closed = True

    said = Endless()
    assert passed_on(said, REVOKED)[1] is REVOKED
    assert said.is_closed


def test_what_breaks_in_the_engine_breaks_here() -> None:
    class Broken(Answer):
        async def __call__(self) -> AsyncGenerator[Event, None]:
            yield Token("a")
            raise RuntimeError("engine")

    with pytest.raises(RuntimeError, match="engine"):
        passed_on(Broken())


def test_a_reader_that_leaves_closes_the_engine() -> None:
    said = Answer(Token("a"), is_silent=True)

    async def leave() -> None:
        events = running.while_allowed(said(), answer(Group()))
        assert await anext(events) == Token("a")
        await events.aclose()

    asyncio.run(leave())
    assert said.is_closed


def test_the_engine_goes_on_only_once_an_event_was_passed_on() -> None:
    made: list[str] = []

    async def engine() -> AsyncGenerator[Event, None]:
        for letter in "abc":
            made.append(letter)
            yield Token(letter)

    async def read() -> None:
        passed = []
        async for event in running.while_allowed(engine(), answer(Group())):
            passed.append(event)
            await asyncio.sleep(0)
            assert len(made) == len(passed)

    asyncio.run(read())
    assert made == ["a", "b", "c"]
