"""CORS: what preflights grant, and which origin an answer names."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.permissions import Permission
from apikeys.bearer import Carrier
from apikeys.credentials import ABSENT, Credential, State
from chatflows.access.decisions import ChatflowAccess, Mode, RequestFacts, decide
from chatflows.gate import cors, verdicts
from chatflows.gate.readers.facts import Facts
from chatflows.gate.verdicts import Claim, Verdict

pytestmark = pytest.mark.fast

HOME, AWAY = "https://a.example", "https://b.example"
PUBLIC = ChatflowAccess(UUID(int=1), UUID(int=2), Mode.PUBLIC)
LISTED = replace(PUBLIC, origins=(HOME,))
GOOD = Credential(
    Carrier.HEADER,
    State.GOOD,
    team_id=PUBLIC.team_id,
    scopes=frozenset({Permission.PREDICTIONS_CREATE}),
)
STAINLESS = (
    "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,"
    "x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,"
    "x-stainless-runtime-version,x-stainless-timeout"
)


def granted(*asked: bytes) -> bytes:
    answer = cors.preflight(asked)
    assert (answer.status, answer.body) == (204, b"")
    head = dict(answer.headers)
    assert len(head) == len(answer.headers)
    assert head[b"access-control-allow-origin"] == b"*"
    assert head[b"access-control-max-age"] == b"600"
    assert head[b"vary"] == b"Access-Control-Request-Headers"
    assert b"access-control-allow-credentials" not in head
    assert b"access-control-allow-private-network" not in head
    return head[b"access-control-allow-headers"]


def test_what_is_asked_for_is_granted() -> None:
    assert granted(STAINLESS.encode()) == STAINLESS.replace(",", ", ").encode()


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ([b"X-Custom"], b"x-custom"),
        ([b"a ,\tb,,c,"], b"a, b, c"),
        ([b"a", b"b"], b"a, b"),
        ([b"x!#$%&'*+-.^_`|~9"], b"x!#$%&'*+-.^_`|~9"),
        ([b",".join(b"x-%d" % n for n in range(40))], b", ".join(b"x-%d" % n for n in range(40))),
        ([b"x" * 1024], b"x" * 1024),
    ],
)
def test_well_formed_names_are_granted_in_lower_case(asked: list[bytes], names: bytes) -> None:
    assert granted(*asked) == names


@pytest.mark.parametrize(
    "asked",
    [
        [],
        [b""],
        [b" , ,"],
        [b"x" * 1025],
        [b"x" * 600, b"y" * 600],
        [b"," * 1025],
        [b",".join(b"x-%d" % n for n in range(41))],
        [b"a b"],
        [b"a:b"],
        [b'"a"'],
        [b"a\0"],
        [b"a\xa0"],
        [b"\xff"],
        [b"good, b@d"],
        [b"a\nb"],
        [b"a;q=1"],
    ],
)
def test_anything_else_gets_the_usual_names(asked: list[bytes]) -> None:
    assert granted(*asked) == cors.USUAL


@given(st.lists(st.binary(max_size=1200), max_size=4))
def test_a_preflight_is_short_and_one_line_whatever_it_asks(asked: list[bytes]) -> None:
    names = granted(*asked)
    assert len(names) <= cors.MAX_ASKED + cors.MAX_ASKED_NAMES
    assert names.isascii()
    assert not set(names) & set(b"\r\n\0")


def of(
    flow: ChatflowAccess | None, *origins: str, credential: Credential = ABSENT
) -> dict[bytes, bytes]:
    asked = RequestFacts(origins=origins)
    decision = decide(credential, flow, asked)
    claim = Claim(Carrier.NONE, None, verdicts.NOWHERE, asked)
    now = datetime.now(UTC)
    verdict = Verdict(now, credential, Facts(None, flow, None), decision, claim, "")
    return dict(cors.of(verdict, origins))


def test_an_answer_where_origins_are_listed_names_the_one_that_was_let_in() -> None:
    head = of(LISTED, HOME)
    assert head[b"access-control-allow-origin"] == HOME.encode()
    assert head[b"vary"] == b"Origin"
    assert b"Retry-After" in head[b"access-control-expose-headers"]


def test_an_answer_to_no_origin_where_origins_are_listed_is_for_no_other_origin() -> None:
    head = of(LISTED)
    assert b"access-control-allow-origin" not in head
    assert head[b"vary"] == b"Origin"


def test_a_keys_own_list_counts_too() -> None:
    head = of(PUBLIC, HOME, credential=GOOD._replace(origins=(HOME,)))
    assert head[b"access-control-allow-origin"] == HOME.encode()


@pytest.mark.parametrize(
    ("flow", "origins", "credential"),
    [
        (PUBLIC, (AWAY,), ABSENT),
        (PUBLIC, (), ABSENT),
        (LISTED, (AWAY,), ABSENT),
        (LISTED, (HOME, HOME), ABSENT),
        (replace(LISTED, mode=Mode.OFF), (HOME,), GOOD),
        (replace(LISTED, mode=Mode.KEYS), (HOME,), ABSENT),
        (replace(LISTED, mode=Mode.KEYS), (HOME,), GOOD),
        (LISTED, (HOME,), GOOD._replace(state=State.MALFORMED)),
        (None, (HOME,), GOOD),
        (None, (HOME,), ABSENT),
    ],
)
def test_every_other_answer_may_be_read_anywhere(
    flow: ChatflowAccess | None, origins: tuple[str, ...], credential: Credential
) -> None:
    assert of(flow, *origins, credential=credential) == dict(cors.ANYWHERE)
