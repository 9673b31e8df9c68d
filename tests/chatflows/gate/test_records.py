"""Records: what the gate writes down of a call, and what it leaves out."""

from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import pytest

from accounts.bounds import NANOS
from apikeys.bearer import Carrier
from apikeys.credentials import ABSENT
from chatflows.access import codes
from chatflows.access.decisions import ChatflowAccess, Mode, RequestFacts, decide
from chatflows.calls.recorder import CallRecord
from chatflows.engines import Done, Token, Usage
from chatflows.engines.sources import EngineRef
from chatflows.gate.exchange import Exchange, Parts
from chatflows.gate.readers.facts import Facts
from chatflows.gate.requests import ASGIMessage, GateRequest
from chatflows.gate.verdicts import Claim, Verdict
from chatflows.predictions import Prediction, begin
from chatflows.protocols.flowise.protocol import FLOWISE

pytestmark = pytest.mark.fast

FLOW = ChatflowAccess(UUID(int=1), UUID(int=2), Mode.PUBLIC, price=2 * NANOS)
PAGE = b"https://shop.example"


async def nothing() -> ASGIMessage:
    raise AssertionError


async def send(_: ASGIMessage) -> None:
    raise AssertionError


def answered() -> Prediction:
    prediction = begin("Why?", "c")
    for event in (Token("Because."), Usage(1500, 1500), Done()):
        prediction.note(event)
    return prediction


def record(
    *headers: tuple[bytes, bytes], engine: str = "openai", prediction: Prediction | None = None
) -> CallRecord:
    """What is written down of a call that was let in and ended well."""
    scope = {"method": "POST", "headers": [*headers], "query_string": b"", "client": None}
    facts = RequestFacts()
    verdict = Verdict(
        datetime.now(UTC),
        ABSENT,
        Facts(None, FLOW, EngineRef(engine, 1)),
        decide(ABSENT, FLOW, facts),
        Claim(Carrier.NONE, None, FLOW.id, facts),
        "",
    )
    request = GateRequest(scope, nothing, "req_A")
    exchange = Exchange(request, cast(Parts, None), FLOWISE, send, "/", FLOW.id)
    exchange.decided(verdict)
    exchange.prediction = prediction
    exchange.end(200, codes.OK)
    found = exchange.record()
    assert found is not None
    return found


def test_tokens_cost_what_the_chatflow_says() -> None:
    found = record(prediction=answered())
    assert (found.tokens, found.cost) == (3000, 6_000_000)


def test_an_engine_that_answers_at_once_takes_none() -> None:
    found = record(prediction=answered(), engine="faq")
    assert (found.tokens, found.cost) == (0, 0)


def test_a_call_without_a_question_takes_none() -> None:
    assert (record().tokens, record().cost) == (0, 0)


def test_the_page_and_the_program_are_named() -> None:
    found = record((b"user-agent", b"curl/8.5.0"), (b"origin", PAGE))
    assert (found.client, found.origin) == ("curl/8.5.0", PAGE.decode())
    assert (record().client, record().origin) == ("", "")


def test_two_origins_are_none() -> None:
    assert record((b"origin", PAGE), (b"origin", PAGE)).origin == ""


def test_a_long_user_agent_is_not_read_to_its_end() -> None:
    assert record((b"user-agent", b"curl/8.5.0 " + b"a" * 10_000)).client == "curl/8.5.0"
