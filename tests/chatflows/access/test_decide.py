"""The access rule: every row and cell of `decide`, and their order."""

from dataclasses import replace
from itertools import product
from typing import NamedTuple

import pytest

from accounts.bounds import Measure
from accounts.permissions import Permission
from apikeys.bearer import Carrier
from apikeys.credentials import ABSENT, Credential, State
from chatflows.access.decisions import ChatflowAccess, Mode, Reason, RequestFacts, decide
from tests.chatflows.access.cases import (
    AWAY,
    CONFLICT,
    GOOD,
    HERE,
    HOME,
    IN_URL,
    KEYS,
    OFF,
    OTHER_FLOW,
    OTHER_TEAM,
    PUBLIC,
    PUBLISHABLE,
    URL_FINE,
    V4,
    V6,
    at,
    bound,
    origins,
)

pytestmark = pytest.mark.fast

BAD_STATES = tuple(s for s in State if s not in (State.GOOD, State.ABSENT))
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
RATE = (429, "rate_limited", Reason.KEY_MINUTE)
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


SUSPENDED = replace(PUBLIC, is_team_suspended=True)
FOREIGN = replace(KEYS, team_id=OTHER_TEAM)
LISTED = replace(KEYS, origins=(HOME,))
FENCED = replace(KEYS, networks=(V4, V6))
NO_SCOPE = GOOD._replace(scopes=frozenset())
PUBLISHABLE_URL = PUBLISHABLE._replace(carrier=Carrier.URL)
TYPO = Credential(Carrier.HEADER, State.MALFORMED)
LIMIT_REASONS = [
    Reason.RATE,
    Reason.ADDRESS_MINUTE,
    *[Reason(f"{holder}_{measure}") for holder in ("key", "chatflow") for measure in Measure],
]
LIMIT = HERE._replace(over_limit=Reason.KEY_MINUTE)
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
    Cell("publishable in url", PUBLISHABLE_URL, URL_FINE, origins(HOME), OK),
    Cell("publishable in url, no origin", PUBLISHABLE_URL, URL_FINE, HERE, URL),
    Cell("publishable in url, other flow", PUBLISHABLE_URL, replace(URL_FINE, id=OTHER_FLOW),
         origins(HOME), URL),
    Cell("publishable in url, other flow, no origin", PUBLISHABLE_URL,
         replace(URL_FINE, id=OTHER_FLOW), HERE, URL),
    Cell("publishable in url, unknown", PUBLISHABLE_URL, None, origins(HOME), URL),
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
    *[
        Cell(f"over {reason.value}", GOOD, KEYS, HERE._replace(over_limit=reason),
             (429, "rate_limited", reason))
        for reason in LIMIT_REASONS
    ],
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
