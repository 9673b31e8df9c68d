"""Watching: an answer ends within two seconds of the end of the right to it."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest
from django.db import DatabaseError

from chatflows import predictions
from chatflows.engines import Done, Event, Failed, Token
from chatflows.predictions import watching

pytestmark = pytest.mark.fast


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(watching, "EVERY", 0.01)


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


def watched(answer: Answer, holds: Callable[[], bool]) -> tuple[list[Event], Failed | None]:
    prediction = predictions.begin("?", "c")

    async def collect() -> list[Event]:
        return [e async for e in watching.while_it_holds(answer(), holds, prediction)]

    return asyncio.run(asyncio.wait_for(collect(), 5)), prediction.failure


def test_an_answer_whose_right_holds_comes_whole() -> None:
    answer = Answer(Token("a"), Token("b"), Done())
    assert watched(answer, lambda: True) == ([Token("a"), Token("b"), Done()], None)
    assert answer.is_closed


def test_a_silent_answer_ends_when_the_right_does() -> None:
    answer = Answer(Token("a"), is_silent=True)
    events, failure = watched(answer, iter([True, True, False]).__next__)
    assert events == [Token("a"), watching.CLOSED]
    assert failure == watching.CLOSED
    assert answer.is_closed


def test_an_answer_that_never_pauses_ends_too() -> None:
    class Endless(Answer):
        async def __call__(self) -> AsyncGenerator[Event, None]:
            try:
                while True:
                    yield Token("a")
                    await asyncio.sleep(0)
            finally:
                self.is_closed = True

    answer = Endless()
    events, _ = watched(answer, lambda: False)
    assert events[-1] == watching.CLOSED
    assert answer.is_closed


def test_one_miss_of_the_database_is_forgiven_and_two_are_not() -> None:
    answers = iter([True, False, True, False, False])

    def holds() -> bool:
        if not next(answers):
            raise DatabaseError
        return True

    answer = Answer(is_silent=True)
    assert watched(answer, holds)[0] == [watching.CLOSED]
    assert next(answers, None) is None


def test_what_breaks_in_the_engine_breaks_here() -> None:
    class Broken(Answer):
        async def __call__(self) -> AsyncGenerator[Event, None]:
            yield Token("a")
            raise RuntimeError("engine")

    with pytest.raises(RuntimeError, match="engine"):
        watched(Broken(), lambda: True)


def test_a_reader_that_leaves_closes_the_engine() -> None:
    answer = Answer(Token("a"), is_silent=True)

    async def leave() -> None:
        prediction = predictions.begin("?", "c")
        events = watching.while_it_holds(answer(), lambda: True, prediction)
        assert await anext(events) == Token("a")
        await events.aclose()

    asyncio.run(leave())
    assert answer.is_closed


def test_the_engine_goes_on_only_once_an_event_was_passed_on() -> None:
    made: list[str] = []

    async def engine() -> AsyncGenerator[Event, None]:
        for letter in "abc":
            made.append(letter)
            yield Token(letter)

    async def read() -> None:
        passed = []
        prediction = predictions.begin("?", "c")
        async for event in watching.while_it_holds(engine(), lambda: True, prediction):
            passed.append(event)
            await asyncio.sleep(0)
            assert len(made) == len(passed)

    asyncio.run(read())
    assert made == ["a", "b", "c"]
