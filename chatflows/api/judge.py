"""Who may call an operation: the key is judged as the gate judges it, by the same pure code."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone

from accounts.limits import stores
from accounts.limits.rates import Rate
from accounts.models import Team
from accounts.network import addresses
from accounts.outages import OUTAGES
from accounts.permissions import Actor, Permission, Principal
from apikeys import credentials
from apikeys.bearer import Carrier
from apikeys.credentials import Credential, Proof, Renewal, State
from apikeys.models import ApiKey, KeySecret
from apikeys.services import stored_secrets
from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.access.decisions import RequestFacts, decide_for_key

RATE = Rate("management", 600)  # operations of one key in a minute, in one process
NOTED_EVERY = timedelta(minutes=1)  # how exact the last use of a key is here


def judge(request: HttpRequest, scopes: Sequence[Permission]) -> Principal:
    """Return who acts: the key of the request, with its scopes and never more.

    Raises Refused by the rows of the access rule that need no chatflow, for a publishable key as
    for one that is not known, and beyond 600 operations a minute.
    """
    carrier, proof = credentials.present(_headers(request), _query(request))
    found = None
    if proof is not None and carrier is not Carrier.CONFLICT:
        found = stored_secrets.find(proof.public_id)
    credential = _credential(carrier, proof, found)
    scope = next((each for each in scopes if each in credential.scopes), None)
    origins = request.headers.get("Origin")
    facts = RequestFacts(
        scope=scope or (scopes[0] if scopes else Permission.PREDICTIONS_CREATE),
        origins=(origins,) if origins is not None else (),
        address=addresses.parse(request.address),  # type: ignore[attr-defined]
    )
    decision = decide_for_key(credential, facts, needs_scope=bool(scopes))
    if not decision.allowed:
        raise decision.refusal
    assert found is not None  # only a stored secret is let in
    secret, stored = found
    _limit(secret.key)
    _note_use(secret.key)
    _renew(credentials.renewal(credential, proof, stored), secret)
    return _principal(secret, credential, request.address)  # type: ignore[attr-defined]


def _credential(
    carrier: Carrier,
    proof: Proof | None,
    found: tuple[KeySecret, credentials.StoredSecret] | None,
) -> Credential:
    judged = credentials.judge(carrier, proof, found[1] if found else None, datetime.now(UTC))
    if judged.is_publishable:  # it stands in web pages: here it opens nothing and tells nothing
        return Credential(carrier, State.UNKNOWN)
    return judged


def _principal(secret: KeySecret, credential: Credential, address: str) -> Principal:
    key = secret.key
    team: Team = key.team
    permissions = frozenset(Permission(scope) for scope in credential.scopes)
    return Principal(team, Actor("key", str(key.id), key.name, address), permissions)


def _limit(key: ApiKey) -> None:
    admission = stores.admit([(RATE, str(key.id))])
    if not admission.is_admitted:
        raise Refused(codes.RATE_LIMITED, retry_after=max(1, admission.wait))


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= NOTED_EVERY:
        with suppress(*OUTAGES):  # a database that only reads: the answer does not need the note
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def _renew(renewal: Renewal | None, secret: KeySecret) -> None:
    if renewal is not None:  # once, after a new pepper came into use
        with suppress(*OUTAGES):
            stored_secrets.renew(secret.public_id, renewal)


def _headers(request: HttpRequest) -> list[tuple[bytes, bytes]]:
    scope = getattr(request, "scope", None)
    if scope is not None:  # as they came: Django joins doubled ones
        return [*scope["headers"]]
    value = request.META.get("HTTP_AUTHORIZATION")
    return [] if value is None else [(b"authorization", value.encode("latin-1"))]


def _query(request: HttpRequest) -> bytes:
    query: str = request.META.get("QUERY_STRING", "")
    return query.encode("latin-1")
