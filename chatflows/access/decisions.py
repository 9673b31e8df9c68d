"""Decisions: `decide`, the only place where access is decided. Pure.

The rows are those of docs/access.md, in their order. `tests/chatflows/access/test_decide.py` tests
each of them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from accounts.bounds import NO_LIMITS, Limits
from accounts.network.addresses import Address, Network
from accounts.permissions import Permission
from apikeys.bearer import Carrier
from apikeys.credentials import Credential, State
from chatflows.access import codes
from chatflows.access.codes import Code, Refused


class Mode(StrEnum):
    """A chatflow's access mode, as stored."""

    KEYS = "keys"
    PUBLIC = "public"
    OFF = "off"


class Reason(StrEnum):
    """Why a call was let in or refused. Only the team sees it: callers get one code for many."""

    OK = "ok"
    PUBLIC = "public"
    TWO_CREDENTIALS = "two_credentials"
    KEY_IN_URL = "key_in_url"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DISABLED = "disabled"
    TEAM_SUSPENDED = "team_suspended"
    ACCOUNT_DISABLED = "account_disabled"
    NO_CREDENTIAL = "no_credential"
    KEY_NETWORK = "key_network"
    KEY_ORIGIN = "key_origin"
    OTHER_CHATFLOW = "other_chatflow"
    NO_CHATFLOW = "no_chatflow"
    SCOPE = "scope"
    NOT_SELECTED = "not_selected"
    OFF = "off"
    CHATFLOW_ORIGIN = "chatflow_origin"
    CHATFLOW_NETWORK = "chatflow_network"
    RATE = "rate"
    KEY_MINUTE = "key_minute"
    KEY_STREAMS = "key_streams"
    KEY_DAY = "key_day"
    KEY_MONTH = "key_month"
    KEY_TOKENS = "key_tokens"
    KEY_BUDGET = "key_budget"
    CHATFLOW_MINUTE = "chatflow_minute"
    CHATFLOW_STREAMS = "chatflow_streams"
    CHATFLOW_DAY = "chatflow_day"
    CHATFLOW_MONTH = "chatflow_month"
    CHATFLOW_TOKENS = "chatflow_tokens"
    CHATFLOW_BUDGET = "chatflow_budget"
    ADDRESS_MINUTE = "address_minute"
    UNAVAILABLE = "unavailable"

    @property
    def words(self) -> str:
        """The reason as a sentence for the team's pages."""
        return _WORDS[self]


_WORDS = {
    Reason.OK: "Let in with a key that is selected.",
    Reason.PUBLIC: "Let in: the chatflow is public.",
    Reason.TWO_CREDENTIALS: "The request carried two credentials.",
    Reason.KEY_IN_URL: "A key stood in the address, which this chatflow does not allow.",
    Reason.MALFORMED: "What was sent is not a key: a typo, or cut off.",
    Reason.UNKNOWN: "The key is not one of ours.",
    Reason.EXPIRED: "The key has expired.",
    Reason.REVOKED: "The key was deleted or its secret replaced.",
    Reason.DISABLED: "The key is disabled.",
    Reason.TEAM_SUSPENDED: "The team of the key is suspended.",
    Reason.ACCOUNT_DISABLED: "The service account of the key is disabled.",
    Reason.NO_CREDENTIAL: "No key was sent.",
    Reason.KEY_NETWORK: "The key is bound to other networks.",
    Reason.KEY_ORIGIN: "The key is bound to other origins.",
    Reason.OTHER_CHATFLOW: "The key is pinned to another chatflow.",
    Reason.NO_CHATFLOW: "The team has no such chatflow.",
    Reason.SCOPE: "The key lacks the scope.",
    Reason.NOT_SELECTED: "The key is good, but not selected for this chatflow.",
    Reason.OFF: "The chatflow is off.",
    Reason.CHATFLOW_ORIGIN: "The chatflow lists other origins.",
    Reason.CHATFLOW_NETWORK: "The chatflow lists other networks.",
    Reason.RATE: "Too many answers ran at once.",
    Reason.KEY_MINUTE: "The key's calls of this minute are used up.",
    Reason.KEY_STREAMS: "As many answers ran as the key may have at once.",
    Reason.KEY_DAY: "The key's calls of today are used up.",
    Reason.KEY_MONTH: "The key's calls of this month are used up.",
    Reason.KEY_TOKENS: "The key's tokens of this month leave no room for this call.",
    Reason.KEY_BUDGET: "The key's budget of this month leaves no room for this call.",
    Reason.CHATFLOW_MINUTE: "The chatflow's calls of this minute are used up.",
    Reason.CHATFLOW_STREAMS: "As many answers ran as the chatflow may have at once.",
    Reason.CHATFLOW_DAY: "The chatflow's calls of today are used up.",
    Reason.CHATFLOW_MONTH: "The chatflow's calls of this month are used up.",
    Reason.CHATFLOW_TOKENS: "The chatflow's tokens of this month leave no room for this call.",
    Reason.CHATFLOW_BUDGET: "The chatflow's budget of this month leaves no room for this call.",
    Reason.ADDRESS_MINUTE: "The calls of this minute from one address are used up.",
    Reason.UNAVAILABLE: "A part that the decision needs was away.",
}


@dataclass(frozen=True, slots=True)
class ChatflowAccess:
    """Who may call a chatflow. `is_key_selected` is about the credential of this request."""

    id: UUID
    team_id: UUID
    mode: Mode
    is_key_selected: bool = False
    allow_key_in_url: bool = False
    is_team_suspended: bool = False
    origins: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    limits: Limits = NO_LIMITS
    limit_address: int | None = None  # calls a minute of one address, without a secret key
    price: int = 0  # of a million tokens, in nanos


class RequestFacts(NamedTuple):
    """What a decision looks at beside credential and chatflow.

    `origins` holds every Origin header, as it was sent. `over_limit` is the limit that leaves no
    room for the call.
    """

    scope: Permission = Permission.PREDICTIONS_CREATE
    origins: tuple[str, ...] = ()
    address: Address | None = None
    over_limit: Reason | None = None
    is_part_missing: bool = False


class Decision(NamedTuple):
    """What `decide` returns. `code` and `status` are for the caller, `reason` is for the team."""

    allowed: bool
    status: int
    code: str
    reason: Reason
    scope: Permission | None = None

    @property
    def refusal(self) -> Refused:
        """The exception to raise for a decision that refuses."""
        return Refused(codes.CODES[self.code], scope=self.scope)


def _no(code: Code, reason: Reason, scope: Permission | None = None) -> Decision:
    return Decision(False, code.status, code.name, reason, scope)


_TWO = _no(codes.INVALID_REQUEST, Reason.TWO_CREDENTIALS)
_IN_URL = _no(codes.INVALID_REQUEST, Reason.KEY_IN_URL)
_MISSING = _no(codes.MISSING_TOKEN, Reason.NO_CREDENTIAL)
_VETO = _no(codes.UNAVAILABLE, Reason.UNAVAILABLE)
_LET_IN = Decision(True, 200, codes.OK, Reason.OK)
_LET_IN_PUBLIC = Decision(True, 200, codes.OK, Reason.PUBLIC)


def decide(
    credential: Credential, chatflow: ChatflowAccess | None, facts: RequestFacts
) -> Decision:
    """Decide whether a request is let in: the first row of the access rule that matches wins.

    `chatflow` is None if no chatflow has the id. Nothing here does I/O or raises.
    """
    if credential.carrier is Carrier.CONFLICT:  # row 1
        return _TWO
    if facts.is_part_missing and credential.state is not State.MALFORMED:  # veto
        return _VETO
    if credential.carrier is Carrier.URL and not _is_fine_in_url(credential, chatflow, facts):
        return _IN_URL
    if credential.state is State.ABSENT:  # row 3
        if chatflow is None or chatflow.mode is not Mode.PUBLIC or chatflow.is_team_suspended:
            return _MISSING
        return _by_place(chatflow, facts) or _LET_IN_PUBLIC
    if not _is_good(credential):  # row 2
        return _no(codes.INVALID_TOKEN, Reason(credential.state.value))
    return _with_key(credential, chatflow, facts)


def decide_for_key(
    credential: Credential, facts: RequestFacts, *, needs_scope: bool = True
) -> Decision:
    """Decide about a request that names no chatflow, by the rows that need none."""
    is_refused = facts.is_part_missing or not _is_good(credential)
    if is_refused or credential.carrier is Carrier.URL:
        return decide(credential, None, facts)
    bound = _by_key_bounds(credential, facts)
    if bound is not None:
        return bound
    if needs_scope and facts.scope not in credential.scopes:
        return _no(codes.INSUFFICIENT_SCOPE, Reason.SCOPE, facts.scope)
    return _LET_IN


def is_within_bounds(credential: Credential, facts: RequestFacts) -> bool:
    """Whether a key is good and comes from where it may, whatever is asked for with it."""
    return _is_good(credential) and _by_key_bounds(credential, facts) is None


def _with_key(
    credential: Credential, chatflow: ChatflowAccess | None, facts: RequestFacts
) -> Decision:
    bound = _by_key_bounds(credential, facts)  # row 4
    if bound is not None:
        return bound
    pinned = credential.pinned_chatflow_id
    if pinned is not None and (chatflow is None or chatflow.id != pinned):  # row 5
        return _no(codes.NOT_FOUND, Reason.OTHER_CHATFLOW)
    if chatflow is None or not _is_of_team(credential, chatflow):  # row 6
        return _no(codes.NOT_FOUND, Reason.NO_CHATFLOW)
    if facts.scope not in credential.scopes:  # row 7
        return _no(codes.INSUFFICIENT_SCOPE, Reason.SCOPE, facts.scope)
    if chatflow.mode is not Mode.PUBLIC and not chatflow.is_key_selected:  # row 8
        return _no(codes.KEY_NOT_SELECTED, Reason.NOT_SELECTED)
    if chatflow.mode is Mode.OFF:  # row 9
        return _no(codes.CHATFLOW_OFF, Reason.OFF)
    return _by_place(chatflow, facts) or _LET_IN


def _by_key_bounds(credential: Credential, facts: RequestFacts) -> Decision | None:
    if credential.networks and not _is_in(facts.address, credential.networks):
        return _no(codes.NETWORK_NOT_ALLOWED, Reason.KEY_NETWORK)
    has_origins = bool(credential.origins) and bool(facts.origins)
    if (credential.is_publishable or has_origins) and not _is_listed(facts, credential.origins):
        return _no(codes.ORIGIN_NOT_ALLOWED, Reason.KEY_ORIGIN)
    return None


def _by_place(chatflow: ChatflowAccess, facts: RequestFacts) -> Decision | None:
    if chatflow.origins and facts.origins and not _is_listed(facts, chatflow.origins):  # row 10
        return _no(codes.ORIGIN_NOT_ALLOWED, Reason.CHATFLOW_ORIGIN)
    if chatflow.networks and not _is_in(facts.address, chatflow.networks):
        return _no(codes.NETWORK_NOT_ALLOWED, Reason.CHATFLOW_NETWORK)
    if facts.over_limit is not None:  # row 11
        return _no(codes.RATE_LIMITED, facts.over_limit)
    return None  # row 12


def _is_fine_in_url(
    credential: Credential, chatflow: ChatflowAccess | None, facts: RequestFacts
) -> bool:
    if chatflow is None or not chatflow.allow_key_in_url:
        return False
    if not _is_good(credential) or not _is_of_team(credential, chatflow):
        return False
    # Anyone can hold a publishable key: another answer would tell which ids are chatflows.
    is_its_own = credential.pinned_chatflow_id in (None, chatflow.id)
    is_within = not credential.is_publishable or _by_key_bounds(credential, facts) is None
    return is_its_own and is_within


def _is_good(credential: Credential) -> bool:
    return credential.state is State.GOOD


def _is_of_team(credential: Credential, chatflow: ChatflowAccess | None) -> bool:
    return chatflow is not None and credential.team_id == chatflow.team_id


def _is_listed(facts: RequestFacts, listed: tuple[str, ...]) -> bool:
    # Every sandboxed page and local file sends `null`, so it is refused even if it is listed.
    return len(facts.origins) == 1 and facts.origins[0] in listed and facts.origins[0] != "null"


def _is_in(address: Address | None, networks: tuple[Network, ...]) -> bool:
    return address is not None and any(address in network for network in networks)
