"""Silences on the wire: a stream says something before its first word, and between its words."""

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest

from accounts.outages import Unavailable
from chatflows.access import codes
from chatflows.engines import Done, Engine, Events, Failed, Frame, Question, Token, Whole
from chatflows.engines.pool import EnginePool
from chatflows.engines.sources import EngineRef
from chatflows.gate.requests import ASGIMessage
from chatflows.predictions import running
from chatflows.protocols.client import HEARTBEAT
from tests.chatflows import loops
from tests.chatflows.engines.says import Says
from tests.chatflows.gate.test_answering import BODIES, FULL, PREDICTION, Pool, serve

pytestmark = pytest.mark.fast

COMPLETIONS = "/v1/chat/completions"
LONG = 50.0  # seconds, which the loop of `serve` skips: a silence of several comments


def test_a_stream_speaks_within_ten_seconds_and_then_every_fifteen() -> None:
    assert (running.FIRST_COMMENT, running.COMMENTS_EVERY) == (10, 15)


@pytest.mark.parametrize("path", BODIES)
def test_a_silence_before_the_first_word_has_a_head_and_comments(path: str) -> None:
    outcome, status, body = serve(path, LONG, [Token("all"), Done()])
    assert (status, outcome.code, outcome.streamed) == (200, "ok", True)
    assert body.startswith(HEARTBEAT * 2)
    assert b"all" in body
    assert body.rstrip().endswith((b'{"event":"end","data":"[DONE]"}', b"data: [DONE]"))


@pytest.mark.parametrize("path", BODIES)
def test_each_later_silence_has_comments_too(path: str) -> None:
    _, _, body = serve(path, [Token("half")], LONG, [Token("rest"), Done()])
    begun, _, rest = body.partition(HEARTBEAT)
    assert b"half" in begun
    assert rest.startswith(HEARTBEAT)
    assert b"rest" in rest


@pytest.mark.parametrize("path", BODIES)
def test_words_that_keep_coming_need_no_comments(path: str) -> None:
    words: list[Events | float] = [[Token("a")], 9.0] * 50
    _, _, body = serve(path, *words, [Done()])
    assert HEARTBEAT not in body


@pytest.mark.parametrize("failed", [FULL, Failed(codes.UPSTREAM_ERROR, upstream_status=503)])
def test_a_failure_after_the_head_is_an_error_event(failed: Failed) -> None:
    outcome, status, body = serve(PREDICTION, LONG, [failed])
    assert (status, outcome.status, outcome.code) == (200, 200, failed.code.name)
    assert (outcome.upstream_status, outcome.streamed) == (failed.upstream_status, True)
    assert b'{"event":"error","data":"' in body
    assert body.endswith(b'message:\ndata:{"event":"end","data":"[DONE]"}\n\n'), "as Flowise's own"


def test_a_failure_after_the_head_is_an_error_object_of_openai_and_no_done() -> None:
    outcome, status, body = serve(COMPLETIONS, LONG, [FULL])
    assert (status, outcome.status, outcome.code) == (200, 200, "upstream_rate_limited")
    assert b'data: {"error":{' in body
    assert b"[DONE]" not in body


@pytest.mark.parametrize("path", BODIES)
def test_a_failure_in_time_keeps_its_status_and_the_upstreams_is_recorded(path: str) -> None:
    outcome, status, _ = serve(path, [Failed(codes.UPSTREAM_ERROR, upstream_status=503)])
    assert (status, outcome.status, outcome.upstream_status) == (502, 502, 503)


class SlowPool(Pool):
    """The engine takes a while to be made."""

    async def get(self, chatflow_id: UUID, reference: EngineRef) -> Engine:
        await asyncio.sleep(LONG)
        return self


class BrokenPool(SlowPool):
    """And then it can't."""

    async def get(self, chatflow_id: UUID, reference: EngineRef) -> Engine:
        await super().get(chatflow_id, reference)
        raise Unavailable("gone")


@pytest.mark.parametrize("path", BODIES)
def test_a_wait_for_the_engine_is_a_silence_too(path: str) -> None:
    pool = cast(EnginePool, SlowPool([Token("all"), Done()]))
    outcome, _, body = serve(path, pool=pool)
    assert (outcome.code, body.startswith(HEARTBEAT)) == ("ok", True)
    outcome, status, body = serve(path, pool=cast(EnginePool, BrokenPool()))
    assert (status, outcome.status, outcome.code) == (200, 200, "unavailable")
    assert b"error" in body
    assert b"[DONE]" not in body


@pytest.mark.parametrize("path", BODIES)
def test_a_slow_client_gets_one_piece_after_the_other(path: str) -> None:
    sending = asyncio.Semaphore(1)

    async def slowly(message: ASGIMessage) -> None:
        assert not sending.locked(), "two pieces at once"
        async with sending:
            await asyncio.sleep(LONG / 2)

    outcome, _, body = serve(
        path, LONG, [Token("half")], LONG, [Token("rest"), Done()], send=slowly
    )
    assert outcome.code == "ok"
    assert body.index(b"half") < body.index(b"rest")


def test_a_whole_answer_has_no_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BODIES, PREDICTION, b'{"question": "Why?"}')
    _, status, body = serve(PREDICTION, LONG, [Token("all"), Done()])
    assert (status, HEARTBEAT in body) == (200, False)


SHOWS: Any = [Frame("artifacts", b'message:\ndata:{"event":"artifacts"}\n\n', data=[1]), Done()]


@pytest.mark.parametrize("said", [SHOWS, [Whole({"artifacts": [1]}), Done()]])
def test_what_a_completion_can_not_show_is_no_success_there(said: Events) -> None:
    assert serve(PREDICTION, said)[0].code == "ok"
    outcome, status, body = serve(COMPLETIONS, said)
    assert outcome.code == "upstream_invalid"
    assert status == 502 or b'"error"' in body
    assert b"[DONE]" not in body


def test_what_cut_an_answer_is_told_to_completions() -> None:
    _, _, body = serve(COMPLETIONS, [Token("half"), Done(finish_reason="length")])
    assert b'"finish_reason":"length"' in body
    _, _, body = serve(COMPLETIONS, [Whole({"text": "", "json": {"a": 1}}), Done()])
    assert rb'"content":"{\"a\":1}"' in body


def test_a_silence_on_a_page_is_a_heartbeat() -> None:
    async def story() -> list[str]:
        answer = running.RunningAnswer(cast(Any, None), {"h": 1}, UUID(int=1), "c")
        engine = Says(LONG, [Token("a")], LONG, [Done()])

        async def events() -> Any:
            async for lot in engine.answer(Question("?", "c")):
                for event in lot:
                    yield event

        return [type(each).__name__ async for each in running.while_allowed(events(), answer)]

    names = loops.run(story())
    assert names[:2] == ["Heartbeat"] * 2
    assert names[names.index("Token") + 1] == "Heartbeat"
    assert names[-1] == "Done"
