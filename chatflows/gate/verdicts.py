"""Verdicts: one request's credential, facts and decision."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from accounts.network import addresses
from accounts.outages import Unavailable
from accounts.permissions import Permission
from apikeys import credentials
from apikeys.bearer import Carrier
from apikeys.credentials import Credential, Proof, State
from chatflows.access.decisions import Decision, Reason, RequestFacts, decide, decide_for_key
from chatflows.gate.readers.facts import AccessReader, Facts
from chatflows.gate.requests import GateRequest

NO_FACTS = Facts(None, None, None)
NOWHERE = UUID(int=0)  # the id of no chatflow


class Claim(NamedTuple):
    """What a request brings to its verdict, read from its head once."""

    carrier: Carrier
    proof: Proof | None
    chatflow_id: UUID
    request_facts: RequestFacts

    @property
    def public_id(self) -> str | None:
        """The id by which the key is looked up."""
        return self.proof.public_id if self.proof is not None else None

    @property
    def is_form_wrong(self) -> bool:
        """Whether it is refused by its form alone: no statement for a typo or a guess."""
        carrier = self.carrier
        return carrier is Carrier.CONFLICT or (carrier is not Carrier.NONE and self.proof is None)


class Judged(NamedTuple):
    """What the database says of a claim's credential and chatflow at one moment."""

    at: datetime
    credential: Credential
    facts: Facts
    is_part_missing: bool = False


class Verdict(NamedTuple):
    """What was decided, and on what."""

    at: datetime
    credential: Credential
    facts: Facts
    decision: Decision
    claim: Claim
    caller: str  # the key's id, or empty for who came without one: whose conversations are meant


_text = lru_cache(maxsize=4096)(str)  # of a key's id


@lru_cache(maxsize=4096)
def _facts_of(scope: Permission, address: str) -> RequestFacts:
    return RequestFacts(scope=scope, address=addresses.parse(address))


def claim_of(request: GateRequest, chatflow_id: UUID, scope: Permission) -> Claim:
    """Read what a request claims from its head."""
    if request.origins:
        address = addresses.parse(request.address)
        request_facts = RequestFacts(scope=scope, origins=request.origins, address=address)
    else:
        request_facts = _facts_of(scope, request.address)
    carrier, proof = credentials.present(request.headers, request.query)
    return Claim(carrier, proof, chatflow_id, request_facts)


def judge(claim: Claim, facts: Facts | None) -> Judged:
    """Judge a claim's credential by what was read; `facts` is None where nothing could be."""
    now = datetime.now(UTC)
    carrier = claim.carrier
    if claim.is_form_wrong:
        return Judged(now, Credential(carrier, State.MALFORMED), NO_FACTS)
    if facts is not None:
        try:
            credential = credentials.judge(carrier, claim.proof, facts.secret, now)
        except Unavailable:  # the pepper is gone
            facts = None
    if facts is None:
        return Judged(now, Credential(carrier, State.UNKNOWN), NO_FACTS, is_part_missing=True)
    return Judged(now, credential, facts)


def verdict_of(claim: Claim, judged: Judged) -> Verdict:
    """Ask `decide`."""
    key_id = judged.credential.key_id
    caller = _text(key_id) if key_id is not None else ""
    decision = decision_of(claim, judged)
    return Verdict(judged.at, judged.credential, judged.facts, decision, claim, caller)


def decision_of(claim: Claim, judged: Judged) -> Decision:
    """Ask `decide` about a claim as it was judged."""
    request_facts = claim.request_facts
    if judged.is_part_missing:
        request_facts = request_facts._replace(is_part_missing=True)
    return decide(judged.credential, judged.facts.chatflow, request_facts)


async def read_and_judge(claim: Claim, reader: AccessReader) -> Judged:
    """Read the facts of a claim and judge it. What can't be read is a missing part."""
    if claim.is_form_wrong:
        return judge(claim, None)
    try:
        facts = await reader.read(claim.public_id, claim.chatflow_id)
    except Unavailable:
        return judge(claim, None)
    return judge(claim, facts)


async def reach(
    request: GateRequest, chatflow_id: UUID, scope: Permission, reader: AccessReader
) -> Verdict:
    """Read the facts and ask `decide`. What can't be read becomes a 503, never an exception."""
    claim = claim_of(request, chatflow_id, scope)
    return verdict_of(claim, await read_and_judge(claim, reader))


async def reach_for_key(request: GateRequest, scope: Permission, reader: AccessReader) -> Verdict:
    """Decide about a request that is about its key and names no chatflow (yet)."""
    claim = claim_of(request, NOWHERE, scope)
    judged = await read_and_judge(claim, reader)
    verdict = verdict_of(claim, judged)
    if judged.is_part_missing:
        return verdict
    return verdict._replace(decision=decide_for_key(verdict.credential, claim.request_facts))


def over_limit(verdict: Verdict, limit: Reason = Reason.RATE) -> Verdict:
    """Decide again, with a limit that leaves no room for the call."""
    return _decided_again(verdict, verdict.claim.request_facts._replace(over_limit=limit))


def part_missing(verdict: Verdict) -> Verdict:
    """Decide again, with a part away that the call needs."""
    return _decided_again(verdict, verdict.claim.request_facts._replace(is_part_missing=True))


def _decided_again(verdict: Verdict, request_facts: RequestFacts) -> Verdict:
    decision = decide(verdict.credential, verdict.facts.chatflow, request_facts)
    return verdict._replace(decision=decision)
