"""What holds for every decision, whatever the credential, the chatflow and the request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.network.addresses import parse as parse_address
from accounts.permissions import Permission
from apikeys.bearer import Carrier
from apikeys.credentials import ABSENT, Credential, State
from chatflows.access.decisions import ChatflowAccess, Mode, Reason, RequestFacts, decide
from tests.chatflows.access.cases import (
    AWAY,
    CONFLICT,
    FLOW,
    HOME,
    OTHER_FLOW,
    OTHER_TEAM,
    TEAM,
    V4,
    V6,
)

pytestmark = pytest.mark.fast

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
    over_limit=st.sampled_from([None, Reason.RATE, Reason.KEY_DAY]),
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
    if is_off or facts.over_limit or facts.is_part_missing:
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
