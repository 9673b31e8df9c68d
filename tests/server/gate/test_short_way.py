"""The short way beside the ordinary way: the same bytes to the same call, and the same rows."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.chatflows.engines.upstreams import Flowise, hosting
from tests.server.browsers.browser_calls import BROWSER_CALLS
from tests.server.gate import calls
from tests.server.gate.calls import HI, NOT_HELD, ORDINARY, SHORT, Call, body, make_cast
from tests.server.pairs import Pair, Said, running

pytestmark = pytest.mark.server


MAX_BODY = 4096  # bytes
TABLE = {**calls.TABLE, **{f"browser: {name}": call for name, call in BROWSER_CALLS.items()}}


class Outcome(NamedTuple):
    """What came of a call: what both servers said and recorded, and what the short way did."""

    quick: Said
    ordinary: Said
    way: str
    quick_row: Any
    ordinary_row: Any


class Cast(NamedTuple):
    """Two servers, and the things on them by name."""

    pair: Pair
    names: dict[str, bytes]

    def say(self, call: Call) -> tuple[Said, Said, str]:
        """Send a call to both; also what the short way did with it."""
        before = len(self.pair.ways())
        quick, ordinary = self.pair.say(call.packets(self.names))
        return quick, ordinary, "".join(self.pair.ways()[before:])

    def outcomes(self, calls: dict[str, Call]) -> dict[str, Outcome]:
        """Send calls, and wait until all are recorded."""
        said = {name: self.say(call) for name, call in calls.items()}
        last = self.pair.say(Call().packets(self.names))
        of_quick = self.pair.rows([each[0] for each in said.values()], last)
        of_ordinary = self.pair.rows([each[1] for each in said.values()], last)
        rows = zip(said.items(), of_quick, of_ordinary, strict=True)
        return {name: Outcome(*each, one, other) for (name, each), one, other in rows}


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    """Behind a proxy, so that X-Forwarded-For is read. Each engine is made already."""
    folder = tmp_path_factory.mktemp("ways")
    with hosting() as host, running(folder, TRUSTED_PROXIES="127.0.0.1/32") as pair:
        made = Cast(pair, make_cast(pair, host.serve(Flowise().app)))
        for flow in ("flow", "public_flow", "flowise_flow", "unset_flow"):
            made.say(Call(path=b"/api/v1/prediction/<%b>" % flow.encode()))
        yield made


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    """Without a proxy, and with a bound for bodies."""
    folder = tmp_path_factory.mktemp("direct")
    with running(folder, MAX_BODY_BYTES=str(MAX_BODY)) as pair:
        flow = pair.quick.chatflow
        key = pair.do("make_key", team="acme", name="good", opens=[flow])
        made = Cast(pair, {"flow": flow.encode(), "good": key.encode()})
        made.say(Call())
        yield made


@pytest.fixture(scope="module")
def outcomes(cast: Cast) -> dict[str, Outcome]:
    return cast.outcomes(TABLE)


def _check(outcome: Outcome, call: Call) -> None:
    assert outcome.quick.alike == outcome.ordinary.alike
    if not call.splits:  # a busy server may read two packets as one
        assert outcome.way == call.way
    assert outcome.quick_row == outcome.ordinary_row


@pytest.mark.parametrize("name", TABLE)
def test_both_ways_say_and_record_the_same(name: str, outcomes: dict[str, Outcome]) -> None:
    _check(outcomes[name], TABLE[name])


def test_the_table_has_answers_and_refusals_of_every_kind(outcomes: dict[str, Outcome]) -> None:
    statuses = {outcome.quick.status for outcome in outcomes.values()}
    assert statuses == {200, 204, 400, 401, 403, 404, 405, 415, 431, 502}
    recorded = {
        outcome.quick_row[0]["code"] for outcome in outcomes.values() if outcome.quick_row[0]
    }
    assert {"ok", "invalid_token", "missing_token", "key_not_selected", "not_found"} <= recorded
    assert sum(outcome.quick_row[1] is not None for outcome in outcomes.values()) > 20


def test_the_ordinary_way_answers_what_the_short_way_would(cast: Cast) -> None:
    before = cast.pair.ways()
    ordinary = cast.pair.ordinary
    good, flow = cast.names["good"].decode(), cast.names["flow"].decode()
    assert ordinary.predict(good, flow, question="Hi").json()["text"] == "Hello"
    assert ordinary.predict(good, flow, question=" ").json()["code"] == "invalid_body"
    assert ordinary.predict(None, flow).json()["code"] == "missing_token"
    for dead in ("disabled", "deleted", "expired", "replaced", "unknown", "wrong_secret"):
        answer = ordinary.predict(cast.names[dead].decode(), flow)
        assert (answer.status, answer.json()["code"]) == (401, "invalid_token")
    assert cast.pair.ways() == before


def test_an_address_is_read_from_no_header_without_a_proxy(direct: Cast) -> None:
    forwarded = {name: call for name, call in TABLE.items() if name.startswith("head: forwarded")}
    for name, outcome in direct.outcomes(forwarded).items():
        _check(outcome, forwarded[name])
        assert outcome.quick_row[0]["client_address"] == "127.0.0.1"


def test_a_body_over_the_operators_bound_is_refused(direct: Cast) -> None:
    large = Call(ORDINARY, body=body(question="x" * MAX_BODY))
    _check(direct.outcomes({"": large})[""], large)


def test_the_first_question_after_a_change_of_the_entries_gets_the_new_answer(cast: Cast) -> None:
    flow = cast.names["flow"].decode()
    question = Call(body=body(question="Where?"))
    before, _, way = cast.say(question)
    assert way == SHORT
    assert b"Here" not in before.all
    cast.pair.do("add_entry", chatflow=flow, question="Where?", answer="Here")
    quick, ordinary, way = cast.say(question)
    assert b'"text":"Here"' in quick.all
    assert quick.alike == ordinary.alike
    assert way == ORDINARY  # makes the engine anew
    quick, _, way = cast.say(question)
    assert b'"text":"Here"' in quick.all
    assert way == SHORT


def test_a_change_of_access_holds_for_the_next_call(cast: Cast) -> None:
    do = cast.pair.do
    text = do("make_key", team="acme", name="flips", opens=[cast.names["flow"].decode()])
    call = Call(auth=b"Bearer " + text.encode())
    for change, status in (("disable", 401), ("enable", 200), ("expire", 401)):
        do(change, name="flips")
        quick, ordinary, way = cast.say(call)
        assert (quick.status, way) == (status, SHORT)
        assert quick.alike == ordinary.alike


def test_a_key_expires_in_the_midst_of_its_calls(cast: Cast) -> None:
    do = cast.pair.do
    text = do("make_key", team="acme", name="brief", opens=[cast.names["flow"].decode()])
    call = Call(auth=b"Bearer " + text.encode())
    do("expire", name="brief", seconds=1.0)
    deadline = time.monotonic() + 1
    seen: list[int] = []
    while not seen or seen[-1] == 200:
        seen.append(cast.say(call)[0].status)
        assert time.monotonic() < deadline + 1
    assert seen[0] == 200
    assert seen[-1] == 401
    assert time.monotonic() >= deadline - 0.1


def test_a_body_that_breaks_is_answered_and_recorded_alike(cast: Cast) -> None:
    do = cast.pair.do
    breaks = b"Transfer-Encoding: chunked\r\n"
    broken = [
        Call(NOT_HELD, framing=breaks, body=b"5\r\n" + HI[:5] + b"\r\nnonsense\r\n"),
        Call(NOT_HELD, framing=breaks, body=b"nonsense"),
        Call(NOT_HELD, framing=breaks, body=b"5\r\n" + HI[:5] + b"\r\nnonsense\r\n", splits=(0,)),
    ]
    for number, call in enumerate(broken):
        flow = do("make_chatflow", team="acme", name=f"Breaks {number}", entries=[])
        do("save_access", chatflow=flow, mode="keys", opens_for=["good"])
        there = call._replace(path=b"/api/v1/prediction/" + flow.encode())
        quick, ordinary, way = cast.say(there)
        assert quick.alike == ordinary.alike
        assert (quick.status, quick.all.count(b"HTTP/1.1"), way) == (400, 1, NOT_HELD)
        rows = cast.pair.quick.wait_for_calls(2, flow)
        assert rows[0] == rows[1]
        assert rows[0]["code"] == "client_gone"
