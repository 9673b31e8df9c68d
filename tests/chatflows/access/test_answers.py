"""Answers on the wire: whatever an engine does, a cut answer never looks whole."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from apikeys import bearer
from apikeys.credentials import ABSENT
from chatflows.access.decisions import ChatflowAccess, Mode, RequestFacts, decide
from chatflows.engines import Done, Engine, Events, Failed, Token
from chatflows.engines.pool import EnginePool
from chatflows.engines.sources import EngineRef
from chatflows.gate import exchange as prediction
from chatflows.gate import flowise_protocol, requests
from chatflows.gate.exchange import Exchange, Outcome
from chatflows.gate.flowise_protocol import Wire
from chatflows.gate.openai_wire import OpenAIWire
from chatflows.gate.readers.facts import Facts
from chatflows.gate.requests import GateRequest, Message
from chatflows.gate.verdicts import Claim, Verdict
from tests.chatflows.engines.says import Says

pytestmark = pytest.mark.fast

FLOW = ChatflowAccess(UUID(int=1), UUID(int=2), Mode.PUBLIC)
BODY = b'{"question": "Why?", "streaming": true}'
COMPLETION = {"messages": [{"role": "user", "content": "Why?"}], "stream": True}
FULL = Failed(503, "upstream_rate_limited", "Later.", retry_after=7)


class Pool(Says):
    """The pool of engines, with this one for all."""

    async def get(self, chatflow_id: UUID, reference: EngineRef) -> Engine:
        """Itself."""
        return self


def verdict() -> Verdict:
    asked = RequestFacts()
    claim = Claim(bearer.NOTHING, None, FLOW.id, asked)
    facts = Facts(None, FLOW, EngineRef("flowise", 1))
    return Verdict(datetime.now(UTC), ABSENT, facts, decide(ABSENT, FLOW, asked), claim, "")


async def question() -> Message:
    return {"type": "http.request", "body": BODY}


def serve(
    wire: Wire, *lots: Events, receive: Callable[[], Awaitable[Message]] = question
) -> tuple[Outcome, int, bytes]:
    """How the call ended, its status, and all that was sent."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    head = [(b"content-type", b"application/json")]
    scope = {"method": "POST", "headers": head, "query_string": b""}
    engines = cast(EnginePool, Pool(*lots))
    request = GateRequest(scope, receive, "req_A")
    exchange = Exchange(request, verdict(), engines, None, send, [], wire=wire)
    outcome = asyncio.run(prediction.serve(exchange))
    starts = [message for message in sent if message["type"] == "http.response.start"]
    assert [sent[0]] == starts, "one head, before all else"
    assert not sent[-1].get("more_body")
    return outcome, starts[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])


def both() -> list[Any]:
    return [flowise_protocol.FLOWISE, OpenAIWire("model", COMPLETION)]


@pytest.mark.parametrize("wire", both())
@pytest.mark.parametrize("lots", [[], [[FULL]]])
def test_what_fails_before_its_first_event_has_a_status(wire: Wire, lots: list[Events]) -> None:
    outcome, status, body = serve(wire, *lots)
    assert (outcome.status, outcome.code, outcome.streamed) == (
        (502, "upstream_cut", False) if not lots else (503, "upstream_rate_limited", False)
    )
    assert status == outcome.status
    assert outcome.code.encode() in body


@pytest.mark.parametrize("wire", both())
@pytest.mark.parametrize(
    "lots", [[[Token("half")]], [[Token("half")], [FULL]], [[Token("half"), FULL]]]
)
def test_what_fails_later_ends_in_an_error_and_never_as_whole(
    wire: Wire, lots: list[Events]
) -> None:
    outcome, status, body = serve(wire, *lots)
    assert (status, outcome.status, outcome.streamed) == (200, 200, True)
    assert outcome.code in ("upstream_cut", "upstream_rate_limited")
    assert b"half" in body
    assert b"error" in body
    assert b'"end"' not in body
    assert b"[DONE]" not in body
    assert outcome.turn is not None
    assert not outcome.turn.is_complete


@pytest.mark.parametrize("wire", both())
def test_a_whole_answer_looks_whole_and_nothing_follows_it(wire: Wire) -> None:
    outcome, _, body = serve(wire, [Token("all"), Done()], [Token("never told")])
    assert outcome.code == "ok"
    assert outcome.turn is not None
    assert outcome.turn.is_complete
    assert body.rstrip().endswith((b'{"event":"end","data":"[DONE]"}', b"data: [DONE]"))
    assert b"never told" not in body


def test_a_question_that_does_not_come_is_answered_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_WITHIN", 0.01)

    async def silence() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    outcome, status, body = serve(flowise_protocol.FLOWISE, receive=silence)
    assert (status, outcome.code, outcome.turn) == (408, "request_timeout", None)
    assert b'"request_timeout"' in body
