"""Re-checks: decide again about the gate's running answers, every second."""

import asyncio
import time
from collections.abc import Awaitable, Hashable, Sequence
from uuid import UUID

import structlog
from django.conf import settings

from accounts.network import addresses
from accounts.outages import Unavailable
from apikeys.bearer import Carrier
from apikeys.credentials import Proof
from chatflows.access.decisions import Decision, Reason
from chatflows.gate import verdicts
from chatflows.gate.admission import Admission, Ticket
from chatflows.gate.readers.facts import AccessReader
from chatflows.gate.verdicts import Claim, Judged, Verdict
from chatflows.predictions.running import UNCHECKED, Ending, RunningAnswer, registry

log = structlog.get_logger("flowlatch.gate")

STRANGERS = "strangers"
AT_ONCE = 64  # answers decided together; the loop serves others between batches


class GateAnswer(RunningAnswer):
    """A running answer of the gate. It counts for its key.

    A stranger's counts for the chatflow, for the client's address, and for all strangers, who may
    have half of the places: so they cannot crowd out those with a key.
    """

    def __init__(
        self, group: "GateAnswers", verdict: Verdict, ticket: Ticket | None = None
    ) -> None:
        assert verdict.facts.chatflow is not None
        chatflow_id, caller = verdict.facts.chatflow.id, verdict.caller
        bounds: dict[Hashable, int] = {caller: settings.MAX_STREAMS_PER_KEY}
        if not caller:
            address = verdict.claim.request_facts.address
            bounds = {
                STRANGERS: settings.MAX_STREAMS // 2,
                chatflow_id: settings.MAX_STREAMS_PER_KEY,
                addresses.host_of(address): settings.MAX_STREAMS_PER_ADDRESS,
            }
        self._limits = verdict.facts.plan.streams if verdict.facts.plan is not None else ()
        for bound in self._limits:
            bounds[bound.reason, bound.subject] = group.admission.most(bound)
        super().__init__(group, bounds, chatflow_id, caller)
        self.claim = verdict.claim
        self.ticket = ticket

    @property
    def full(self) -> Reason:
        """The limit that leaves no room for it."""
        for bound in self._limits:
            name = (bound.reason, bound.subject)
            if registry.is_full(self.group, {name: self.bounds[name]}):
                return bound.reason
        return Reason.RATE


class Round:
    """One re-check of all running answers.

    Shared facts are read once per round and never reused in the next.
    """

    def __init__(self, reader: AccessReader) -> None:
        self._reader = reader
        self._judged: dict[tuple[Carrier, Proof | None, UUID], asyncio.Future[Judged]] = {}

    def decide_again(self, claim: Claim) -> Awaitable[Decision]:
        """Begin to decide anew about a claim. Await the result for the decision."""
        about = (claim.carrier, claim.proof, claim.chatflow_id)
        judging = self._judged.get(about)
        if judging is None:
            judging = asyncio.ensure_future(verdicts.read_and_judge(claim, self._reader))
            self._judged[about] = judging
        return _decide_when(claim, judging)


async def _decide_when(claim: Claim, judging: Awaitable[Judged]) -> Decision:
    return verdicts.decision_of(claim, await judging)


class GateAnswers:
    """The group of the gate's running answers, bounded by the settings."""

    def __init__(self, reader: AccessReader, admission: Admission) -> None:
        self._reader = reader
        self.admission = admission

    @property
    def in_all(self) -> int:
        """See Group."""
        return int(settings.MAX_STREAMS)

    async def recheck(self, answers: Sequence[RunningAnswer]) -> None:
        """See Group."""
        await self._end_aborted(answers)
        gate_answers = [each for each in answers if isinstance(each, GateAnswer)]
        await self.admission.renew([each.ticket for each in gate_answers if each.ticket])
        this_round = Round(self._reader)
        for start in range(0, len(gate_answers), AT_ONCE):
            batch = gate_answers[start : start + AT_ONCE]
            decisions = [(each, this_round.decide_again(each.claim)) for each in batch]
            for each, decision in decisions:  # all have begun
                await _note(each, decision)
            await asyncio.sleep(0)

    async def _end_aborted(self, answers: Sequence[RunningAnswer]) -> None:
        """End answers that were aborted in another process after they began."""
        now = time.monotonic()
        ages = {each: now - each.began for each in answers if each.thread_id}
        if not ages:
            return
        try:
            aborted = await self._reader.aborts([each.thread_id for each in ages])
        except Unavailable:
            return  # the next re-check reads them
        except Exception as error:
            log.exception("aborts not asked", error=type(error).__name__)
            return
        for each, age in ages.items():
            # A negative age is of a clock that ran back: it would end each new answer as well.
            if 0 <= aborted.get(each.thread_id, age) < age:
                each.end(Ending.ABORTED)


async def _note(answer: GateAnswer, deciding: Awaitable[Decision]) -> None:
    try:
        decision = await deciding
    except Exception as error:  # one fault must not leave the others unchecked
        log.exception("answer not re-checked", error=type(error).__name__)
        answer.note(UNCHECKED)
        return
    answer.note(None if decision.allowed else decision.refusal)
