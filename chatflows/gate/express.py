"""The short way: a plain prediction that is answered from here, without a coroutine.

It is no second rule. It reads, judges and decides by the functions of the ordinary way, and what is
unusual in any respect goes that way as if nothing had happened: another engine, a stream, an engine
that is not made yet, a body that can't be read. A test sends a table of calls both ways and
compares every byte.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, cast

import structlog
from django.conf import settings

from accounts.network import request_ids
from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.calls.recorder import CallRecord
from chatflows.encoding import encode
from chatflows.engines import InstantEngine, kinds
from chatflows.gate import cors, responses, routes, verdicts
from chatflows.gate.admission import Ticket
from chatflows.gate.exchange import Outcome, Parts, record_of, turn_of
from chatflows.gate.flowise import predictions
from chatflows.gate.large_bodies import LARGE
from chatflows.gate.readers.facts import Facts
from chatflows.gate.requests import ASGIMessage, GateRequest
from chatflows.gate.responses import Answer
from chatflows.gate.routes import Asks
from chatflows.gate.verdicts import Claim, Verdict
from chatflows.predictions import Prediction
from chatflows.protocols.client import EVENT_STREAM, PLAIN
from chatflows.protocols.flowise import bodies, errors, questions
from chatflows.protocols.flowise.protocol import FLOWISE

log = structlog.get_logger("flowlatch.gate")

PREFIX = b"/api/v1/prediction/"
_ID = "req_" + "0" * 16  # stands for a request's id, which is always that long


class Held(Protocol):
    """A request whose body is here."""

    url: bytes  # as it came
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Reply(NamedTuple):
    """A whole response as it goes on the wire, but for the server's own headers."""

    status: int
    fields: bytes  # each with its line end
    body: bytes


Then = Callable[[Reply | None], bool]  # returns whether a reply found its client


class _Call(NamedTuple):
    """A call while its facts are read."""

    request: GateRequest
    path: str  # the route's
    claim: Claim
    body: bytes
    started: float


class ShortWay:
    """Answers requests whose body is here already."""

    def __init__(
        self, parts: Parts, put: Callable[[CallRecord], None], is_full: Callable[[Verdict], bool]
    ) -> None:
        self._parts = parts
        self._put = put
        self._is_full = is_full

    def is_for(self, method: bytes, url: bytes) -> bool:
        """Return whether to hold a request until its body is here."""
        return method == b"POST" and url.startswith(PREFIX)

    def take(self, held: Held, client: tuple[str, int] | None, then: Then) -> None:
        """Call `then` once, with the reply or with None: then the ordinary way answers."""
        started = time.perf_counter()
        found = routes.match(held.url)  # with a query it is no path, and goes the ordinary way
        route = found.routes.get("POST") if found is not None else None
        if route is None or route.handler is not predictions.create or len(held.body) > LARGE:
            then(None)
            return
        assert found is not None
        assert found.chatflow_id is not None
        assert isinstance(route.policy, Asks)
        scope = {"method": "POST", "headers": held.headers, "query_string": b"", "client": client}
        request = GateRequest(scope, _nothing_more, request_ids.new())
        claim = verdicts.claim_of(request, found.chatflow_id, route.policy.scope)

        call = _Call(request, route.path, claim, held.body, started)

        def answer(facts: Facts | None) -> None:
            self._answer(call, facts, then)

        if claim.is_form_wrong:
            answer(None)
        else:
            self._parts.reader.read_soon(claim.public_id, claim.chatflow_id, answer)

    def _answer(self, call: _Call, facts: Facts | None, then: Then) -> None:
        try:
            answered = self._reply(call, facts)
        except Refused:  # the body is read once more there, and answered
            answered = None
        except Exception as error:
            log.exception("short way failed", error=type(error).__name__)
            answered = None
        if answered is None:
            then(None)
            return
        reply, verdict, outcome = answered
        if not then(reply) and verdict.decision.allowed:
            outcome = Outcome(400, codes.CLIENT_GONE)  # the body would only be read now
        self._put(
            record_of(
                verdict,
                outcome,
                call.request,
                chatflow_id=call.claim.chatflow_id,
                path=call.path,
                started=call.started,
            )
        )

    def _reply(self, call: _Call, facts: Facts | None) -> tuple[Reply, Verdict, Outcome] | None:
        request = call.request
        verdict = verdicts.verdict_of(call.claim, verdicts.judge(call.claim, facts))
        if verdict.decision.allowed:
            if self._is_full(verdict):
                return None
            plan, ticket = verdict.facts.plan, None
            if plan is not None:
                ticket = self._parts.admission.take_now(plan)
                if ticket is None:
                    return None
            prediction = self._predict(request, verdict, call.body, ticket)
            if prediction is None:
                return None
            body = encode(FLOWISE.whole(prediction))
            before, after = _around_length(*cors.of(verdict, request.origins))
            fields = before + str(len(body)).encode() + after
            if ticket is not None:
                fields += ticket.lines(is_flowise=True)
            outcome = Outcome(200, codes.OK, turn_of(verdict, prediction))
        else:
            status, fields, body = _refusal(request, verdict)
            outcome = Outcome(status, verdict.decision.code)
        fields += b"x-request-id: " + request.id.encode() + b"\r\n"
        return Reply(outcome.status, fields, body), verdict, outcome

    def _predict(
        self, request: GateRequest, verdict: Verdict, body: bytes, ticket: Ticket | None
    ) -> Prediction | None:
        """Answer the question; None where that is not for this way. Raises Refused.

        Where it comes to nothing, the call is uncounted: the ordinary way counts it.
        """
        prediction = None
        try:
            prediction = self._answer_now(request, verdict, body)
        finally:
            if prediction is None and ticket is not None:
                self._parts.admission.take_back_now(ticket)
        return prediction

    def _answer_now(self, request: GateRequest, verdict: Verdict, body: bytes) -> Prediction | None:
        chatflow, reference = verdict.facts.chatflow, verdict.facts.engine
        assert chatflow is not None
        assert reference is not None
        is_plain = request.is_plain_json and len(body) <= settings.MAX_BODY_BYTES
        if not kinds.of(reference.name).is_instant or not is_plain:
            return None
        engine = self._parts.engines.ready(chatflow.id, reference)
        asked = bodies.parse(body, may_override=not verdict.credential.is_publishable)
        if engine is None or asked.streaming:
            return None
        engine = cast(InstantEngine, engine)  # its kind says so
        question = questions.question(asked)
        return Prediction.of(question, engine.answer_now(question))


@lru_cache(maxsize=512)
def _around_length(*allowed: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Return the fields of an answer before and after its length; `allowed` are those of CORS."""
    fields = _fields_of(responses.json_answer({}, [*allowed]))
    before, length, after = fields.partition(b"content-length: ")
    return before + length, after[after.index(b"\r\n") :]


def _refusal(request: GateRequest, verdict: Verdict) -> tuple[int, bytes, bytes]:
    """Return the status, the fields and the body of a refusal."""
    decision = verdict.decision
    media_type = errors.media_type_for(request.accept)
    status, fields, before, after = _refusal_of(decision.code, decision.scope, media_type)
    return status, fields, before + request.id.encode() + after if after else before


@lru_cache(maxsize=512)
def _refusal_of(code: str, scope: Any, media_type: bytes) -> tuple[int, bytes, bytes, bytes]:
    """Return a refusal's status and fields, and its body before and after the request's id."""
    refused = Refused(codes.CODES[code], scope=scope)
    accept = EVENT_STREAM if media_type is PLAIN else media_type
    answer = responses.refusal(refused, FLOWISE, _ID, accept, cors.ANYWHERE)
    before, _, after = answer.body.partition(_ID.encode())
    return answer.status, _fields_of(answer), before, after


def _fields_of(answer: Answer) -> bytes:
    return b"".join([name + b": " + value + b"\r\n" for name, value in answer.headers])


async def _nothing_more() -> ASGIMessage:
    raise AssertionError("the body is here")
