"""Verdicts: one request's credential, facts and decision, read and asked in one go."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from accounts import addresses
from accounts.permissions import Permission
from accounts.secrets import Unavailable
from apikeys import bearer, credentials
from apikeys.bearer import Carrier
from apikeys.credentials import Credential, State
from chatflows.decisions import Decision, RequestFacts, decide, decide_for_key
from chatflows.gate.facts import AccessReader, Facts
from chatflows.gate.requests import GateRequest
from chatflows.gate.responses import ANY_ORIGIN, Headers

NO_FACTS = Facts(None, None, None)
NOWHERE = UUID(int=0)  # the id of no chatflow
# Steps of the rule that come before the chatflow's origins are looked at.
BEFORE_ORIGINS = frozenset(
    {"invalid_request", "invalid_token", "missing_token", "not_found", "unavailable"}
)


class Verdict(NamedTuple):
    """What was decided, and on what."""

    at: datetime
    credential: Credential
    facts: Facts
    decision: Decision
    asked: RequestFacts

    @property
    def caller(self) -> str:
        """The key's id, or empty for who came without one: whose conversations are meant."""
        return str(self.credential.key_id) if self.credential.key_id else ""


async def reach(
    request: GateRequest, chatflow_id: UUID, scope: Permission, reader: AccessReader
) -> Verdict:
    """Read the facts and ask `decide`. What can't be read becomes a 503, never an exception."""
    now = datetime.now(UTC)
    asked = RequestFacts(
        scope=scope, origins=request.origins, address=addresses.parse(request.address)
    )
    presented = bearer.extract(request.headers, request.query)
    key = credentials.read(presented)
    if presented.carrier is Carrier.CONFLICT or (
        presented.carrier is not Carrier.NONE and key is None
    ):
        # Refused by its form alone: no statement for a typo or a guess.
        credential = Credential(presented.carrier, State.MALFORMED)
        return Verdict(now, credential, NO_FACTS, decide(credential, None, asked), asked)
    try:
        facts = await reader.read(key.public_id if key else None, chatflow_id)
        credential = credentials.judge(presented, key, facts.secret, now)
    except Unavailable:
        gone = RequestFacts(scope=scope, is_part_missing=True)
        credential = Credential(presented.carrier, State.UNKNOWN)
        return Verdict(now, credential, NO_FACTS, decide(credential, None, gone), gone)
    return Verdict(now, credential, facts, decide(credential, facts.chatflow, asked), asked)


async def reach_for_key(request: GateRequest, scope: Permission, reader: AccessReader) -> Verdict:
    """The same, for a request that is about its key and names no chatflow (yet)."""
    verdict = await reach(request, NOWHERE, scope, reader)
    return verdict._replace(decision=decide_for_key(verdict.credential, verdict.asked))


def over_limit(verdict: Verdict) -> Verdict:
    """The same asked again, with no room left for one more answer."""
    asked = verdict.asked._replace(is_over_limit=True)
    decision = decide(verdict.credential, verdict.facts.chatflow, asked)
    return verdict._replace(asked=asked, decision=decision)


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
