"""An exchange: one request that the gate answers, from its verdict to its record."""

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from accounts.outages import Unavailable
from apikeys import credentials
from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.access.decisions import Reason
from chatflows.calls import clients, usage
from chatflows.calls.recorder import CallRecord
from chatflows.calls.spending import NoRoom, Spending
from chatflows.engines import Question, kinds
from chatflows.engines.pool import EnginePool
from chatflows.gate import admission, cors, responses, verdicts
from chatflows.gate.admission import Admission, Over, Ticket
from chatflows.gate.readers.facts import AccessReader
from chatflows.gate.rechecks import GateAnswers
from chatflows.gate.requests import ASGIMessage, GateRequest, Send
from chatflows.gate.responses import Answer, Headers
from chatflows.gate.verdicts import NOWHERE, Verdict
from chatflows.health.health import Health
from chatflows.predictions import Prediction, costs
from chatflows.predictions.running import AbortNotes
from chatflows.predictions.turns import Memory, Turn
from chatflows.protocols.client import ClientProtocol
from chatflows.protocols.flowise.protocol import FLOWISE


class Parts(NamedTuple):
    """What the gate's handlers share in one process."""

    reader: AccessReader
    engines: EnginePool
    answers: GateAnswers
    admission: Admission
    spending: Spending
    health: Health
    memory: Memory | None = None
    abort_notes: AbortNotes | None = None


class Outcome(NamedTuple):
    """How an exchange ended. `turn` is what is still to be written of its conversation."""

    status: int
    code: str
    turn: Turn | None = None
    streamed: bool = False
    upstream_status: int | None = None  # with which the upstream refused


NOT_ENDED = Outcome(500, codes.INTERNAL_ERROR.name)


@dataclass(slots=True)
class Exchange:
    """One request on its way through the gate."""

    request: GateRequest
    parts: Parts
    protocol: ClientProtocol
    send_message: Send
    path: str  # the route's, for the record
    chatflow_id: UUID = NOWHERE
    chat_id: str = ""  # of the path
    is_api: bool = True  # browsers may call it from pages of other origins
    verdict: Verdict | None = None
    cors: Headers = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)  # of a completion, read to find its chatflow
    ticket: Ticket | None = None  # of a call that limits count
    reservation: UUID | None = None  # of what it may spend
    prediction: Prediction | None = None
    has_begun: bool = False
    streamed_at: float | None = None  # by perf_counter, when a stream's head was sent
    is_streaming: bool = False
    is_over: bool = False
    is_kept: bool = False  # the turn is written already
    outcome: Outcome = NOT_ENDED
    started: float = field(default_factory=time.perf_counter)

    def decided(self, verdict: Verdict) -> Verdict:
        """Take in what was decided. Raises Refused unless the call is let in."""
        self.verdict = verdict
        self.cors = cors.of(verdict, self.request.origins)
        if not verdict.decision.allowed:
            raise verdict.decision.refusal
        return verdict

    async def admit(self) -> None:
        """Count the call against its limits. Raises Refused."""
        verdict = self.let_in
        plan, engine = verdict.facts.plan, verdict.facts.engine
        if plan is None:
            return
        assert engine is not None
        is_instant = kinds.of(engine.name).is_instant
        try:
            taken = await self.parts.admission.take(plan, verdict, is_instant=is_instant)
        except Unavailable:
            self.decided(verdicts.part_missing(verdict))
            return
        lines = taken.lines(is_flowise=self.protocol is FLOWISE)
        fields = admission.fields(lines)
        if isinstance(taken, Over):
            self.over_limit(taken.worst.reason, taken.worst.resets_in, fields)
        else:
            self.ticket = taken
            self.cors = [*self.cors, *fields]

    async def reserve(self, question: Question) -> None:
        """Reserve what the call may spend, where that is limited. Raises Refused, Unavailable."""
        verdict = self.let_in
        plan, chatflow = verdict.facts.plan, verdict.facts.chatflow
        if plan is None or not plan.spending:
            return
        assert chatflow is not None
        reserved = await self.parts.spending.reserve(
            plan.spending, chatflow.team_id, question, chatflow.price, verdict.at
        )
        if isinstance(reserved, NoRoom):
            is_soon = reserved.is_passing
            wait = codes.RETRY_AFTER if is_soon else usage.seconds_to_month(verdict.at)
            self.over_limit(reserved.bound.reason, wait)
        else:
            self.reservation = reserved

    def over_limit(self, limit: Reason, wait: int, fields: Headers | None = None) -> None:
        """Refuse the call for a limit; `wait` is in seconds. Raises Refused."""
        self.verdict = verdicts.over_limit(self.let_in, limit)
        raise Refused(codes.RATE_LIMITED, retry_after=wait, headers=tuple(fields or ()))

    @property
    def let_in(self) -> Verdict:
        """The verdict of a call that was let in."""
        assert self.verdict is not None
        return self.verdict

    async def send(self, message: ASGIMessage) -> None:
        """Send an ASGI message."""
        self.has_begun = True
        await self.send_message(message)

    async def answer(self, answer: Answer, code: str = codes.OK) -> None:
        """Send a whole answer."""
        self.has_begun = True
        self.end(answer.status, code)
        await responses.send(self.send_message, answer, self.request.id)

    async def refuse(self, refused: Refused) -> None:
        """Answer a refusal, whatever raised it: the one place where that is done."""
        self.is_streaming = False
        request, where = self.request, cors.ANYWHERE if self.is_api else cors.NOT_ELSEWHERE
        answer = responses.refusal(refused, self.protocol, request.id, request.accept, where)
        await self.answer(answer, refused.code.name)

    def end(self, status: int, code: str) -> None:
        """Note how the exchange ended."""
        self.is_over = True
        streamed = self.is_streaming and self.has_begun
        failure = self.prediction.failure if self.prediction is not None else None
        refused_with = failure.upstream_status if failure is not None else None
        self.outcome = Outcome(status, code, self._turn_to_write(), streamed, refused_with)

    def turn(self) -> Turn:
        """Return what is kept of the prediction."""
        assert self.prediction is not None
        return turn_of(self.let_in, self.prediction)

    def record(self) -> CallRecord | None:
        """Return the record of the call; None if nothing was decided."""
        if self.verdict is None:
            return None
        return record_of(
            self.verdict,
            self.outcome,
            self.request,
            chatflow_id=self.chatflow_id,
            path=self.path,
            started=self.started,
            tokens=self._tokens(),
            reservation=self.reservation,
            streamed_at=self.streamed_at,
        )

    def _tokens(self) -> int:
        prediction = self.prediction
        if prediction is None or not self.let_in.decision.allowed:
            return 0
        reference = self.let_in.facts.engine
        assert reference is not None  # `decide` lets nobody in without
        is_instant = kinds.of(reference.name).is_instant
        return 0 if is_instant else costs.tokens_of(prediction, self.outcome.code)

    def _turn_to_write(self) -> Turn | None:
        return None if self.prediction is None or self.is_kept else self.turn()


def turn_of(verdict: Verdict, prediction: Prediction) -> Turn:
    """Return what is kept of a prediction in the caller's conversation."""
    assert verdict.facts.chatflow is not None
    chatflow_id = verdict.facts.chatflow.id
    return Turn.of(prediction, at=verdict.at, chatflow_id=chatflow_id, caller=verdict.caller)


def record_of(
    verdict: Verdict,
    outcome: Outcome,
    request: GateRequest,
    *,
    chatflow_id: UUID,
    path: str,
    started: float,
    tokens: int = 0,
    reservation: UUID | None = None,
    streamed_at: float | None = None,
) -> CallRecord:
    """Return the record of a call that was decided and is over; times by perf_counter."""
    credential, chatflow = verdict.credential, verdict.facts.chatflow
    secret, proof = verdict.facts.secret, verdict.claim.proof
    return CallRecord(
        at=verdict.at,
        chatflow_id=chatflow_id,
        team_id=credential.team_id or (chatflow.team_id if chatflow else None),
        key_id=credential.key_id,
        key_name=credential.key_name,
        public_id=credential.public_id,
        allowed=verdict.decision.allowed,
        status=outcome.status,
        code=outcome.code,
        reason=verdict.decision.reason.value,  # a plain text: each driver takes it as it is
        client_address=request.address,
        duration_ms=round((time.perf_counter() - started) * 1000),
        streamed=outcome.streamed,
        request_id=request.id,
        turn=outcome.turn,
        route=path,
        upstream_status=outcome.upstream_status,
        is_publishable=credential.is_publishable,
        origin=clients.origin_of(origins) if (origins := request.origins) else "",
        client=clients.client_of(request.user_agent[: clients.READ]),
        tokens=tokens,
        cost=costs.cost_of(tokens, chatflow.price) if tokens and chatflow else 0,
        reservation=reservation,
        first_byte_ms=None if streamed_at is None else round((streamed_at - started) * 1000),
        renewal=credentials.renewal(credential, proof, secret) if secret is not None else None,
    )
