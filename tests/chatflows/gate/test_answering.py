"""Answers on the wire: whatever an engine does, a cut answer never looks whole."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import cast
from uuid import UUID

import pytest

from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.access.decisions import ChatflowAccess, Mode
from chatflows.calls.spending import Spending
from chatflows.engines import Done, Engine, Events, Failed, Token
from chatflows.engines.pool import EnginePool
from chatflows.engines.sources import EngineRef
from chatflows.gate import answering, requests
from chatflows.gate.exchange import Exchange, Outcome, Parts
from chatflows.gate.readers.facts import AccessReader, Facts
from chatflows.gate.rechecks import GateAnswers
from chatflows.gate.requests import ASGIMessage, GateRequest
from chatflows.gate.routes import Asks, Family, match
from chatflows.health.health import Health
from chatflows.predictions import running
from chatflows.predictions.running import Ending
from chatflows.protocols.client import ClientProtocol
from chatflows.protocols.flowise.protocol import FLOWISE
from chatflows.protocols.openai.protocol import OpenAI
from tests.chatflows import loops
from tests.chatflows.engines.says import Says
from tests.chatflows.gate import counts

pytestmark = pytest.mark.fast

FLOW = ChatflowAccess(UUID(int=1), UUID(int=2), Mode.PUBLIC)
PREDICTION = f"/api/v1/prediction/{FLOW.id}"
BODIES = {
    PREDICTION: b'{"question": "Why?", "streaming": true}',
    "/v1/chat/completions": (
        b'{"model": "%s", "messages": [{"role": "user", "content": "Why?"}], "stream": true}'
        % str(FLOW.id).encode()
    ),
}
FULL = Failed(codes.UPSTREAM_RATE_LIMITED, "Later.", retry_after=7)
NO_HEALTH = Health(lambda: False)


class Reader:
    """Knows one public chatflow."""

    async def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """The facts."""
        found = FLOW if chatflow_id == FLOW.id else None
        return Facts(None, found, EngineRef("flowise", 1))


class Pool(Says):
    """The pool of engines, with this one for all."""

    async def get(self, chatflow_id: UUID, reference: EngineRef) -> Engine:
        """Itself."""
        return self


def serve(
    path: str,
    *lots: Events | float,
    receive: Callable[[], Awaitable[ASGIMessage]] | None = None,
    pool: EnginePool | None = None,
    send: Callable[[ASGIMessage], Awaitable[None]] | None = None,
    is_cut: bool = False,
) -> tuple[Outcome, int, bytes]:
    """How the call ended, its status, and all that was sent."""
    sent: list[ASGIMessage] = []

    async def take(message: ASGIMessage) -> None:
        if send is not None:
            await send(message)
        sent.append(message)

    bodies = [BODIES[path]]

    async def question() -> ASGIMessage:
        if not bodies:
            await asyncio.Event().wait()  # the client stays
        return {"type": "http.request", "body": bodies.pop()}

    head = [(b"content-type", b"application/json")]
    scope = {"method": "POST", "headers": head, "query_string": b""}
    reader = cast(AccessReader, Reader())
    admission, engines = counts.admission(), pool or cast(EnginePool, Pool(*lots))
    answers = GateAnswers(reader, admission)
    parts = Parts(reader, engines, answers, admission, Spending(counts.never_asked), NO_HEALTH)
    found = match(path.encode())
    assert found is not None
    route = found.routes["POST"]
    protocol: ClientProtocol = OpenAI() if found.family is Family.OPENAI else FLOWISE
    request = GateRequest(scope, receive or question, "req_A")
    exchange = Exchange(request, parts, protocol, take, path, found.chatflow_id or FLOW.id)

    async def answer() -> None:
        try:
            assert isinstance(route.policy, Asks)
            await route.policy.about(exchange, route.policy.scope)
            await route.handler(exchange)
        except Refused as refused:
            await exchange.refuse(refused)

    loops.run(answer())
    starts = [message for message in sent if message["type"] == "http.response.start"]
    assert [sent[0]] == starts, "one head, before all else"
    assert bool(sent[-1].get("more_body")) is is_cut
    status = starts[0]["status"]
    return exchange.outcome, status, b"".join(each.get("body", b"") for each in sent[1:])


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("lots", [[], [[FULL]]])
def test_what_fails_before_its_first_event_has_a_status(path: str, lots: list[Events]) -> None:
    outcome, status, body = serve(path, *lots)
    assert (outcome.status, outcome.code, outcome.streamed) == (
        (502, "upstream_cut", False) if not lots else (503, "upstream_rate_limited", False)
    )
    assert status == outcome.status
    assert outcome.code.encode() in body


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "lots", [[[Token("half")]], [[Token("half")], [FULL]], [[Token("half"), FULL]]]
)
def test_what_fails_later_ends_in_an_error_and_never_as_whole(
    path: str, lots: list[Events]
) -> None:
    outcome, status, body = serve(path, *lots)
    assert (status, outcome.status, outcome.streamed) == (200, 200, True)
    assert outcome.code in ("upstream_cut", "upstream_rate_limited")
    assert b"half" in body
    assert b"error" in body
    assert b'"end"' not in body
    assert b"[DONE]" not in body
    assert outcome.turn is not None
    assert not outcome.turn.is_complete


@pytest.mark.parametrize("path", BODIES)
def test_a_whole_answer_looks_whole_and_nothing_follows_it(path: str) -> None:
    outcome, _, body = serve(path, [Token("all"), Done()], [Token("never told")])
    assert outcome.code == "ok"
    assert outcome.turn is not None
    assert outcome.turn.is_complete
    assert body.rstrip().endswith((b'{"event":"end","data":"[DONE]"}', b"data: [DONE]"))
    assert b"never told" not in body


def test_a_completion_that_breaks_off_says_what_a_whole_answer_would() -> None:
    path = "/v1/chat/completions"
    _, status, whole = serve(path, [FULL])
    _, _, stream = serve(path, [Token("half")], [FULL])
    (told,) = [line for line in stream.split(b"\n\n") if b'"error":{' in line]
    assert json.loads(told.removeprefix(b"data: ")) == json.loads(whole)
    assert (status, json.loads(whole)["error"]["type"]) == (503, "server_error")


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("why", "code"), [(Ending.ABORTED, "aborted"), (Refused(codes.INVALID_TOKEN), "invalid_token")]
)
def test_an_answer_ended_early_is_recorded_so_even_if_its_client_does_not_read(
    monkeypatch: pytest.MonkeyPatch, path: str, why: Ending | Refused, code: str
) -> None:
    monkeypatch.setattr(answering, "LAST_WORDS_WITHIN", 0.01)

    bodies: list[bytes] = []

    async def stall(message: ASGIMessage) -> None:
        bodies.append(message.get("body", b""))
        if len(bodies) > 2:  # the head and the first word were taken
            ((mine,),) = running.registry._running.values()
            mine.end(why)
            await asyncio.Event().wait()

    outcome, status, body = serve(path, [Token("ha")], [Token("lf")], send=stall, is_cut=True)
    assert (status, outcome.status, outcome.code, outcome.streamed) == (200, 200, code, True)
    assert b"ha" in body
    assert outcome.turn is not None
    assert (outcome.turn.answer, outcome.turn.is_complete) == ("half", False)


@pytest.mark.parametrize("path", BODIES)
def test_an_answer_aborted_before_its_first_word_is_recorded_as_a_stream(path: str) -> None:
    async def abort() -> None:
        while not (mine := [*running.registry._running.values()]):
            await asyncio.sleep(0)
        ((answer,),) = mine
        while not answer.chat_id:
            await asyncio.sleep(0)
        answer.end(Ending.ABORTED)

    class Aborted(Pool):
        async def get(self, chatflow_id: UUID, reference: EngineRef) -> Engine:
            self.aborting = asyncio.ensure_future(abort())
            return self

    outcome, _, _ = serve(path, pool=cast(EnginePool, Aborted(10.0)))
    assert (outcome.status, outcome.code, outcome.streamed) == (200, "aborted", True)


def test_a_question_that_does_not_come_is_answered_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_WITHIN", 0.01)

    async def silence() -> ASGIMessage:
        await asyncio.Event().wait()
        raise AssertionError

    outcome, status, body = serve(PREDICTION, receive=silence)
    assert (status, outcome.code, outcome.turn) == (408, "request_timeout", None)
    assert b'"request_timeout"' in body
