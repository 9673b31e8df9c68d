"""Verdicts: one request's credential, facts and decision, read and asked in one go."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from accounts.network import addresses
from accounts.outages import Unavailable
from accounts.permissions import Permission
from apikeys import bearer, credentials
from apikeys.bearer import Carrier, Presented
from apikeys.credentials import Credential, State
from apikeys.key_text import KeyText
from chatflows.access.decisions import Decision, RequestFacts, decide, decide_for_key
from chatflows.gate.readers.facts import AccessReader, Facts
from chatflows.gate.requests import GateRequest
from chatflows.gate.responses import ANY_ORIGIN, Headers

NO_FACTS = Facts(None, None, None)
NOWHERE = UUID(int=0)  # the id of no chatflow
# Steps of the rule that come before the chatflow's origins are looked at.
BEFORE_ORIGINS = frozenset(
    {"invalid_request", "invalid_token", "missing_token", "not_found", "unavailable"}
)


class Claim(NamedTuple):
    """What a request brings to its verdict, read from its head once."""

    presented: Presented
    key: KeyText | None
    chatflow_id: UUID
    asked: RequestFacts


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


class Round:
    """One asking of all running answers: what they have in common is read once.

    For that one round alone. Whoever is asked in the next second is read anew.
    """

    def __init__(self, reader: AccessReader) -> None:
        self._reader = reader
        self._judged: dict[tuple[Presented, UUID], asyncio.Future[Judged]] = {}

    def decide_again(self, claim: Claim) -> Awaitable[Decision]:
        """Begin to ask what is decided of a claim now; await it for the answer."""
        about = (claim.presented, claim.chatflow_id)
        judging = self._judged.get(about)
        if judging is None:
            judging = self._judged[about] = asyncio.ensure_future(_judge(claim, self._reader))
        return _decide_when(claim, judging)


async def reach(
    request: GateRequest, chatflow_id: UUID, scope: Permission, reader: AccessReader
) -> Verdict:
    """Read the facts and ask `decide`. What can't be read becomes a 503, never an exception."""
    asked = RequestFacts(
        scope=scope, origins=request.origins, address=addresses.parse(request.address)
    )
    presented = bearer.extract(request.headers, request.query)
    claim = Claim(presented, credentials.read(presented), chatflow_id, asked)
    judged = await _judge(claim, reader)
    decision, key_id = _decide(claim, judged), judged.credential.key_id
    caller = str(key_id) if key_id is not None else ""
    return Verdict(judged.at, judged.credential, judged.facts, decision, claim, caller)


async def _judge(claim: Claim, reader: AccessReader) -> Judged:
    now = datetime.now(UTC)
    carrier, key = claim.presented.carrier, claim.key
    if carrier is Carrier.CONFLICT or (carrier is not Carrier.NONE and key is None):
        # Refused by its form alone: no statement for a typo or a guess.
        return Judged(now, Credential(carrier, State.MALFORMED), NO_FACTS)
    try:
        facts = await reader.read(key.public_id if key else None, claim.chatflow_id)
        credential = credentials.judge(claim.presented, key, facts.secret, now)
    except Unavailable:
        return Judged(now, Credential(carrier, State.UNKNOWN), NO_FACTS, is_part_missing=True)
    return Judged(now, credential, facts)


async def _decide_when(claim: Claim, judging: Awaitable[Judged]) -> Decision:
    return _decide(claim, await judging)


def _decide(claim: Claim, judged: Judged) -> Decision:
    asked = claim.asked
    if judged.is_part_missing:
        asked = asked._replace(is_part_missing=True)
    return decide(judged.credential, judged.facts.chatflow, asked)


async def reach_for_key(request: GateRequest, scope: Permission, reader: AccessReader) -> Verdict:
    """The same, for a request that is about its key and names no chatflow (yet)."""
    verdict = await reach(request, NOWHERE, scope, reader)
    if verdict.decision.status == 503:  # a part was away
        return verdict
    decision = decide_for_key(verdict.credential, verdict.claim.asked)
    return verdict._replace(decision=decision)


def over_limit(verdict: Verdict) -> Verdict:
    """The same asked again, with no room left for one more answer."""
    asked = verdict.claim.asked._replace(is_over_limit=True)
    return verdict._replace(decision=decide(verdict.credential, verdict.facts.chatflow, asked))


def cors(verdict: Verdict, request: GateRequest) -> Headers:
    """Allow the origin that `decide` accepted; any origin where the chatflow lists none."""
    chatflow = verdict.facts.chatflow
    if chatflow is None or verdict.decision.code in BEFORE_ORIGINS:
        return []
    if not chatflow.origins:
        return [ANY_ORIGIN]
    if len(request.origins) == 1 and request.origins[0] in chatflow.origins:
        origin = request.origins[0].encode("latin-1")
        return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
    return []
