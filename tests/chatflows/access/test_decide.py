"""The access rule: every row and cell of `decide`, their order, and what holds for all of them."""

import ipaddress
from dataclasses import replace
from itertools import product
from typing import NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.network.addresses import Network
from accounts.network.addresses import parse as parse_address
from accounts.permissions import Permission
from apikeys.bearer import Carrier
from apikeys.credentials import ABSENT, Credential, State
from chatflows.access.decisions import ChatflowAccess, Mode, Reason, RequestFacts, decide

pytestmark = pytest.mark.fast

TEAM, OTHER_TEAM = UUID(int=1), UUID(int=2)
FLOW, OTHER_FLOW = UUID(int=11), UUID(int=12)
HOME, AWAY = "https://acme.example", "https://evil.example"
V4, V6 = ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")
HERE = RequestFacts(address=parse_address("192.0.2.9"))
BAD_STATES = tuple(s for s in State if s not in (State.GOOD, State.ABSENT))

GOOD = Credential(
    Carrier.HEADER,
    State.GOOD,
    team_id=TEAM,
    key_id=UUID(int=21),
    key_name="crm-sync",
    public_id="AAAABBBBCCCC",
    scopes=frozenset({Permission.PREDICTIONS_CREATE}),
)
IN_URL = GOOD._replace(carrier=Carrier.URL)
CONFLICT = Credential(Carrier.CONFLICT, State.MALFORMED)
PUBLISHABLE = GOOD._replace(pinned_chatflow_id=FLOW, origins=(HOME,))
KEYS = ChatflowAccess(FLOW, TEAM, Mode.KEYS, is_key_selected=True)
URL_FINE = replace(KEYS, allow_key_in_url=True)
PUBLIC = replace(KEYS, mode=Mode.PUBLIC, is_key_selected=False)
OFF = replace(KEYS, mode=Mode.OFF)

Answer = tuple[int, str, Reason]
OK = (200, "ok", Reason.OK)
OPEN = (200, "ok", Reason.PUBLIC)
TWO = (400, "invalid_request", Reason.TWO_CREDENTIALS)
URL = (400, "invalid_request", Reason.KEY_IN_URL)
MISSING = (401, "missing_token", Reason.NO_CREDENTIAL)
KEY_NETWORK = (403, "network_not_allowed", Reason.KEY_NETWORK)
KEY_ORIGIN = (403, "origin_not_allowed", Reason.KEY_ORIGIN)
PINNED = (404, "not_found", Reason.OTHER_CHATFLOW)
UNKNOWN_FLOW = (404, "not_found", Reason.NO_CHATFLOW)
SCOPE = (403, "insufficient_scope", Reason.SCOPE)
UNSELECTED = (403, "key_not_selected", Reason.NOT_SELECTED)
TURNED_OFF = (403, "chatflow_off", Reason.OFF)
FLOW_ORIGIN = (403, "origin_not_allowed", Reason.CHATFLOW_ORIGIN)
FLOW_NETWORK = (403, "network_not_allowed", Reason.CHATFLOW_NETWORK)
RATE = (429, "rate_limited", Reason.RATE)
VETO = (503, "unavailable", Reason.UNAVAILABLE)


def bad(state: State) -> Answer:
    """Row 2."""
    return 401, "invalid_token", Reason(state.value)


class Cell(NamedTuple):
    """One situation and its answer."""

    name: str
    credential: Credential
    chatflow: ChatflowAccess | None
    facts: RequestFacts
    answer: Answer


def origins(*sent: str) -> RequestFacts:
    return HERE._replace(origins=sent)


def at(address: str) -> RequestFacts:
    return RequestFacts(address=parse_address(address))


def bound(*networks: Network) -> Credential:
    return GOOD._replace(networks=networks)


SUSPENDED = replace(PUBLIC, is_team_suspended=True)
FOREIGN = replace(KEYS, team_id=OTHER_TEAM)
LISTED = replace(KEYS, origins=(HOME,))
FENCED = replace(KEYS, networks=(V4, V6))
NO_SCOPE = GOOD._replace(scopes=frozenset())
TYPO = Credential(Carrier.HEADER, State.MALFORMED)
LIMIT = HERE._replace(is_over_limit=True)
GONE = HERE._replace(is_part_missing=True)

ROWS = [
    # Row 1: two credentials, or one in the URL that is not both good and allowed there.
    Cell("two on keys", CONFLICT, KEYS, HERE, TWO),
    Cell("two on public", CONFLICT, PUBLIC, HERE, TWO),
    Cell("two on off", CONFLICT, OFF, HERE, TWO),
    Cell("two on unknown", CONFLICT, None, HERE, TWO),
    Cell("url, good and allowed", IN_URL, URL_FINE, HERE, OK),
    Cell("url, good and not allowed", IN_URL, KEYS, HERE, URL),
    Cell("url on public, not allowed", IN_URL, PUBLIC, HERE, URL),
    Cell("url on public, allowed", IN_URL, replace(PUBLIC, allow_key_in_url=True), HERE, OK),
    Cell("url on unknown", IN_URL, None, HERE, URL),
    Cell("url on foreign", IN_URL, replace(URL_FINE, team_id=OTHER_TEAM), HERE, URL),
    Cell("url on foreign public", IN_URL, replace(FOREIGN, mode=Mode.PUBLIC), HERE, URL),
    Cell("url on off", IN_URL, replace(OFF, allow_key_in_url=True), HERE, TURNED_OFF),
    Cell(
        "url, not selected",
        IN_URL,
        replace(URL_FINE, is_key_selected=False),
        HERE,
        UNSELECTED,
    ),
    # Row 3: no credential.
    Cell("none on unknown", ABSENT, None, HERE, MISSING),
    Cell("none on off", ABSENT, OFF, HERE, MISSING),
    Cell("none on keys", ABSENT, KEYS, HERE, MISSING),
    Cell("none on public", ABSENT, PUBLIC, HERE, OPEN),
    Cell("none on public of a suspended team", ABSENT, SUSPENDED, HERE, MISSING),
    Cell("none on keys of a suspended team", ABSENT, replace(KEYS, is_team_suspended=True), HERE,
         MISSING),
    # Row 4: the key's own bounds.
    Cell("v4 inside", bound(V4), KEYS, at("192.0.2.255"), OK),
    Cell("v4 outside", bound(V4), KEYS, at("192.0.3.0"), KEY_NETWORK),
    Cell("v6 inside", bound(V6), KEYS, at("2001:db8::1"), OK),
    Cell("v6 outside", bound(V6), KEYS, at("2001:db9::1"), KEY_NETWORK),
    Cell("v4 caller, v6 bound", bound(V6), KEYS, at("192.0.2.1"), KEY_NETWORK),
    Cell("v6 caller, v4 bound", bound(V4), KEYS, at("2001:db8::1"), KEY_NETWORK),
    Cell("second of two networks", bound(V4, V6), KEYS, at("2001:db8::1"), OK),
    Cell("unknown address, bound key", bound(V4), KEYS, at("not an address"), KEY_NETWORK),
    Cell("secret key, listed origin", GOOD._replace(origins=(HOME,)), KEYS, origins(HOME), OK),
    Cell("secret key, other origin", GOOD._replace(origins=(HOME,)), KEYS, origins(AWAY),
         KEY_ORIGIN),
    Cell("secret key, doubled origin", GOOD._replace(origins=(HOME,)), KEYS,
         origins(HOME, HOME), KEY_ORIGIN),
    Cell("publishable, listed origin", PUBLISHABLE, KEYS, origins(HOME), OK),
    Cell("publishable, no origin", PUBLISHABLE, KEYS, HERE, KEY_ORIGIN),
    Cell("publishable, null origin", PUBLISHABLE, KEYS, origins("null"), KEY_ORIGIN),
    Cell("publishable, empty origin", PUBLISHABLE, KEYS, origins(""), KEY_ORIGIN),
    Cell("publishable, doubled origin", PUBLISHABLE, KEYS, origins(HOME, HOME), KEY_ORIGIN),
    Cell("publishable, listed then other", PUBLISHABLE, KEYS, origins(HOME, AWAY), KEY_ORIGIN),
    Cell("publishable, unlisted origin", PUBLISHABLE, KEYS, origins(AWAY), KEY_ORIGIN),
    Cell("publishable, other port", PUBLISHABLE, KEYS, origins(HOME + ":8443"), KEY_ORIGIN),
    Cell("publishable, other scheme", PUBLISHABLE, KEYS, origins("http://acme.example"),
         KEY_ORIGIN),
    Cell("publishable, subdomain", PUBLISHABLE, KEYS, origins("https://x.acme.example"),
         KEY_ORIGIN),
    Cell("publishable, suffix", PUBLISHABLE, KEYS, origins("https://acme.example.evil.example"),
         KEY_ORIGIN),
    Cell("publishable, lists no origin", PUBLISHABLE._replace(origins=()), KEYS, origins(HOME),
         KEY_ORIGIN),
    Cell("publishable on public", PUBLISHABLE, PUBLIC, origins(HOME), OK),
    Cell("publishable on public, no origin", PUBLISHABLE, PUBLIC, HERE, KEY_ORIGIN),
    # Row 5: a publishable key and not its chatflow.
    Cell("pinned elsewhere", PUBLISHABLE, replace(KEYS, id=OTHER_FLOW), origins(HOME), PINNED),
    Cell("pinned elsewhere, public", PUBLISHABLE, replace(PUBLIC, id=OTHER_FLOW), origins(HOME),
         PINNED),
    Cell("pinned, unknown", PUBLISHABLE, None, origins(HOME), PINNED),
    # Row 6: unknown or another team's.
    Cell("good on unknown", GOOD, None, HERE, UNKNOWN_FLOW),
    Cell("good on foreign keys", GOOD, FOREIGN, HERE, UNKNOWN_FLOW),
    Cell("good on foreign public", GOOD, replace(FOREIGN, mode=Mode.PUBLIC), HERE, UNKNOWN_FLOW),
    Cell("good on foreign off", GOOD, replace(FOREIGN, mode=Mode.OFF), HERE, UNKNOWN_FLOW),
    Cell("no team at all", GOOD._replace(team_id=None), KEYS, HERE, UNKNOWN_FLOW),
    # Row 7: the scope.
    Cell("no scope", NO_SCOPE, KEYS, HERE, SCOPE),
    Cell("no scope on public", NO_SCOPE, PUBLIC, HERE, SCOPE),
    Cell("another scope", GOOD._replace(scopes=frozenset({"chatflows:view"})), KEYS, HERE, SCOPE),
    # Row 8: not selected; not asked on a public one.
    Cell("not selected", GOOD, replace(KEYS, is_key_selected=False), HERE, UNSELECTED),
    Cell("not selected on public", GOOD, PUBLIC, HERE, OK),
    Cell("not selected on off", GOOD, replace(OFF, is_key_selected=False), HERE, UNSELECTED),
    # Row 9: off.
    Cell("selected on off", GOOD, OFF, HERE, TURNED_OFF),
    # Row 10: the chatflow's own lists.
    Cell("listed origin", GOOD, LISTED, origins(HOME), OK),
    Cell("unlisted origin", GOOD, LISTED, origins(AWAY), FLOW_ORIGIN),
    Cell("null origin", GOOD, LISTED, origins("null"), FLOW_ORIGIN),
    Cell("doubled origin", GOOD, LISTED, origins(HOME, HOME), FLOW_ORIGIN),
    Cell("public, unlisted origin", ABSENT, replace(PUBLIC, origins=(HOME,)), origins(AWAY),
         FLOW_ORIGIN),
    Cell("public, listed origin", ABSENT, replace(PUBLIC, origins=(HOME,)), origins(HOME), OPEN),
    Cell("listed network v4", GOOD, FENCED, at("192.0.2.1"), OK),
    Cell("listed network v6", GOOD, FENCED, at("2001:db8:1::"), OK),
    Cell("unlisted network v4", GOOD, FENCED, at("198.51.100.1"), FLOW_NETWORK),
    Cell("unlisted network v6", GOOD, FENCED, at("::1"), FLOW_NETWORK),
    Cell("no address, listed networks", GOOD, FENCED, RequestFacts(), FLOW_NETWORK),
    Cell("public, unlisted network", ABSENT, replace(PUBLIC, networks=(V4,)), at("::1"),
         FLOW_NETWORK),
    # Row 11: over a limit.
    Cell("over the limit", GOOD, KEYS, LIMIT, RATE),
    Cell("public, over the limit", ABSENT, PUBLIC, LIMIT, RATE),
    # Row 12: let in.
    Cell("let in", GOOD, KEYS, HERE, OK),
    Cell("let in from nowhere known", GOOD, KEYS, RequestFacts(), OK),
    # The veto: something that the decision needs is gone.
    Cell("gone, good", GOOD, KEYS, GONE, VETO),
    Cell("gone, none", ABSENT, PUBLIC, GONE, VETO),
    Cell("gone, none and unknown", ABSENT, None, GONE, VETO),
    Cell("gone, in the url", IN_URL, None, GONE, VETO),
    Cell("gone, a typo needs no database", TYPO, None, GONE, bad(State.MALFORMED)),
    Cell("gone, two credentials", CONFLICT, None, GONE, TWO),
]  # fmt: skip

# Each cell breaks two neighbouring rows (or more) at once: the earlier one answers.
ORDER = [
    Cell("1 before veto", CONFLICT, KEYS, GONE, TWO),
    Cell("veto before url", IN_URL, KEYS, GONE, VETO),
    Cell("1 before 2", IN_URL._replace(state=State.EXPIRED), URL_FINE, HERE, URL),
    Cell("1 before 3", CONFLICT._replace(state=State.ABSENT), KEYS, HERE, TWO),
    Cell("2 before 3", GOOD._replace(state=State.REVOKED), None, HERE, bad(State.REVOKED)),
    Cell("2 before 4", bound(V6)._replace(state=State.DISABLED), KEYS, HERE, bad(State.DISABLED)),
    Cell("3 before 10", ABSENT, replace(LISTED, networks=(V6,)), origins(AWAY), MISSING),
    Cell("4 network before 4 origin", PUBLISHABLE._replace(networks=(V6,)), KEYS, HERE,
         KEY_NETWORK),
    Cell("4 before 5", PUBLISHABLE, replace(KEYS, id=OTHER_FLOW), HERE, KEY_ORIGIN),
    Cell("4 before 6", bound(V6), None, HERE, KEY_NETWORK),
    Cell("5 before 6", PUBLISHABLE, replace(FOREIGN, id=OTHER_FLOW), origins(HOME), PINNED),
    Cell("6 before 7", NO_SCOPE, FOREIGN, HERE, UNKNOWN_FLOW),
    Cell("7 before 8", NO_SCOPE, replace(KEYS, is_key_selected=False), HERE, SCOPE),
    Cell("8 before 9", GOOD, replace(OFF, is_key_selected=False), HERE, UNSELECTED),
    Cell("9 before 10", GOOD, replace(OFF, origins=(HOME,)), origins(AWAY), TURNED_OFF),
    Cell("10 origin before network", GOOD, replace(LISTED, networks=(V6,)), origins(AWAY),
         FLOW_ORIGIN),
    Cell("10 before 11", GOOD, LISTED, LIMIT._replace(origins=(AWAY,)), FLOW_ORIGIN),
    Cell("11 before 12", GOOD, KEYS, LIMIT, RATE),
    Cell("2 before 11", TYPO, KEYS, LIMIT, bad(State.MALFORMED)),
    Cell("9 before 11", GOOD, OFF, LIMIT, TURNED_OFF),
]  # fmt: skip


def states_by_modes() -> list[Cell]:
    """Every state in the header, on every mode, selected or not."""
    cells = []
    for state, mode, selected in product(State, Mode, (True, False)):
        flow = replace(KEYS, mode=mode, is_key_selected=selected)
        carrier = Carrier.NONE if state is State.ABSENT else Carrier.HEADER
        credential = GOOD._replace(state=state, carrier=carrier)
        name = f"{state.value} on {mode.value}, {'selected' if selected else 'not selected'}"
        cells.append(Cell(name, credential, flow, HERE, _expected(state, mode, selected)))
    return cells


def _expected(state: State, mode: Mode, selected: bool) -> Answer:
    if state in BAD_STATES:
        return bad(state)
    if state is State.ABSENT:
        return OPEN if mode is Mode.PUBLIC else MISSING
    if mode is Mode.PUBLIC:
        return OK
    if not selected:
        return UNSELECTED
    return TURNED_OFF if mode is Mode.OFF else OK


def bad_states_in_the_url() -> list[Cell]:
    """A credential in the URL that is not good gets the answer of one that is not allowed."""
    return [
        Cell(f"{state.value} in the url, {mode.value}", IN_URL._replace(state=state), flow, HERE,
             URL)
        for state, mode in product((*BAD_STATES, State.ABSENT), Mode)
        for flow in [replace(URL_FINE, mode=mode)]
    ]  # fmt: skip


CELLS = [*ROWS, *ORDER, *states_by_modes(), *bad_states_in_the_url()]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_every_cell_has_its_answer(cell: Cell) -> None:
    decision = decide(cell.credential, cell.chatflow, cell.facts)
    assert (decision.status, decision.code, decision.reason) == cell.answer
    assert decision.allowed is (decision.status == 200)


def test_no_cell_stands_twice() -> None:
    names = [cell.name for cell in CELLS]
    assert len(set(names)) == len(names)


def test_every_reason_has_a_cell() -> None:
    assert {cell.answer[2] for cell in CELLS} == set(Reason)


def test_every_reason_has_words_and_tells_no_status() -> None:
    for reason in Reason:
        assert reason.words.endswith(".")


def test_only_row_7_names_a_scope() -> None:
    for cell in CELLS:
        decision = decide(cell.credential, cell.chatflow, cell.facts)
        is_row_7 = decision.code == "insufficient_scope"
        assert decision.scope == (Permission.PREDICTIONS_CREATE if is_row_7 else None)


def test_a_null_origin_is_refused_to_a_publishable_key_even_if_listed() -> None:
    key = PUBLISHABLE._replace(origins=("null",))
    decision = decide(key, KEYS, origins("null"))
    assert (decision.status, decision.code) == (403, "origin_not_allowed")


NETWORKS = st.lists(st.sampled_from([V4, V6]), max_size=2).map(tuple)
ORIGINS = st.lists(st.sampled_from([HOME, AWAY, "null", ""]), max_size=3).map(tuple)
TEAMS = st.sampled_from([TEAM, OTHER_TEAM])
ADDRESSES = st.one_of(
    st.none(), st.ip_addresses(), st.sampled_from(["192.0.2.1", "2001:db8::1"]).map(parse_address)
)
PRESENT = st.builds(
    Credential,
    carrier=st.sampled_from([Carrier.HEADER, Carrier.URL]),
    state=st.sampled_from([s for s in State if s is not State.ABSENT]),
    team_id=st.one_of(st.none(), TEAMS),
    scopes=st.sampled_from([frozenset(), frozenset({Permission.PREDICTIONS_CREATE})]),
    networks=NETWORKS,
    origins=ORIGINS,
    pinned_chatflow_id=st.sampled_from([None, FLOW, OTHER_FLOW]),
)
CREDENTIALS = st.one_of(st.just(ABSENT), st.just(CONFLICT), PRESENT)
CHATFLOWS = st.one_of(
    st.none(),
    st.builds(
        ChatflowAccess,
        id=st.sampled_from([FLOW, OTHER_FLOW]),
        team_id=TEAMS,
        mode=st.sampled_from(Mode),
        is_key_selected=st.booleans(),
        allow_key_in_url=st.booleans(),
        is_team_suspended=st.booleans(),
        origins=ORIGINS,
        networks=NETWORKS,
    ),
)
FACTS = st.builds(
    RequestFacts,
    scope=st.sampled_from([Permission.PREDICTIONS_CREATE, Permission.CHATFLOWS_VIEW]),
    origins=ORIGINS,
    address=ADDRESSES,
    is_over_limit=st.booleans(),
    is_part_missing=st.booleans(),
)


@given(CREDENTIALS, CHATFLOWS, FACTS)
def test_nobody_is_let_in_without_a_good_credential_unless_it_is_public(
    credential: Credential, chatflow: ChatflowAccess | None, facts: RequestFacts
) -> None:
    if decide(credential, chatflow, facts).allowed:
        assert chatflow is not None
        is_public = credential.state is State.ABSENT and chatflow.mode is Mode.PUBLIC
        assert credential.state is State.GOOD or is_public


@given(CREDENTIALS, CHATFLOWS, FACTS)
def test_a_key_never_opens_another_teams_chatflow(
    credential: Credential, chatflow: ChatflowAccess | None, facts: RequestFacts
) -> None:
    if decide(credential, chatflow, facts).allowed and credential.state is State.GOOD:
        assert chatflow is not None
        assert chatflow.team_id == credential.team_id


@given(CREDENTIALS, CHATFLOWS, FACTS)
def test_off_over_a_limit_or_with_a_part_missing_nobody_is_let_in(
    credential: Credential, chatflow: ChatflowAccess | None, facts: RequestFacts
) -> None:
    is_off = chatflow is not None and chatflow.mode is Mode.OFF
    if is_off or facts.is_over_limit or facts.is_part_missing:
        assert not decide(credential, chatflow, facts).allowed


@given(PRESENT, CHATFLOWS, FACTS)
def test_a_bad_credential_gets_one_answer_whatever_it_meets(
    credential: Credential, chatflow: ChatflowAccess | None, facts: RequestFacts
) -> None:
    if credential.state is State.GOOD:
        return
    decision = decide(credential, chatflow, facts)
    is_url = credential.carrier is Carrier.URL
    usual = (400, "invalid_request") if is_url else (401, "invalid_token")
    is_veto = facts.is_part_missing and credential.state is not State.MALFORMED
    assert (decision.status, decision.code) == ((503, "unavailable") if is_veto else usual)


@given(CHATFLOWS, FACTS)
def test_without_a_credential_only_public_chatflows_differ_from_unknown_ones(
    chatflow: ChatflowAccess | None, facts: RequestFacts
) -> None:
    if chatflow is None or chatflow.mode is not Mode.PUBLIC or chatflow.is_team_suspended:
        assert decide(ABSENT, chatflow, facts) == decide(ABSENT, None, facts)


@given(CREDENTIALS, CHATFLOWS, FACTS)
def test_the_same_question_gets_the_same_answer(
    credential: Credential, chatflow: ChatflowAccess | None, facts: RequestFacts
) -> None:
    assert decide(credential, chatflow, facts) == decide(credential, chatflow, facts)


@given(st.text())
def test_text_that_is_no_address_is_none_and_never_an_error(text: str) -> None:
    address = parse_address(text)
    assert address is None or str(address)
