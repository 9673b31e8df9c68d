"""Verdicts: what is read for a request, and what never is."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest

from accounts.crypto import digests
from accounts.outages import Unavailable
from accounts.permissions import Permission
from apikeys import credentials, key_text
from apikeys.credentials import StoredSecret
from chatflows.access.codes import Refused
from chatflows.access.decisions import ChatflowAccess, Decision, Mode
from chatflows.engines.sources import EngineRef, EngineSource
from chatflows.gate import verdicts
from chatflows.gate.readers.facts import Facts
from chatflows.gate.rechecks import Round
from chatflows.gate.requests import ASGIMessage, GateRequest
from chatflows.gate.verdicts import Verdict
from chatflows.protocols.openai.models import Model

pytestmark = pytest.mark.fast

FLOW, TEAM = UUID(int=1), UUID(int=2)
KEY = key_text.generate()
PUBLIC = ChatflowAccess(FLOW, TEAM, Mode.PUBLIC)
Pair = tuple[bytes, bytes]


@dataclass
class Reader:
    """Answers what it was given, and counts."""

    chatflow: ChatflowAccess | None = None
    secret: StoredSecret | None = None
    is_gone: bool = False
    read_ids: list[str | None] = field(default_factory=list)

    async def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """The facts."""
        self.read_ids.append(public_id)
        if self.is_gone:
            raise Unavailable
        return Facts(self.secret, self.chatflow, EngineRef("faq", 1))

    def read_soon(
        self, public_id: str | None, chatflow_id: UUID, then: Callable[[Facts | None], None]
    ) -> None:
        """Nobody here takes the short way."""
        raise AssertionError

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """Nothing to say."""
        raise Unavailable

    async def models(self, team_id: UUID, key_id: UUID) -> tuple[Model, ...]:
        """None."""
        return ()

    async def aborts(self, thread_ids: Sequence[str]) -> dict[str, float]:
        """None."""
        return {}

    async def counts(
        self, subjects: Sequence[UUID], periods: Sequence[str]
    ) -> dict[tuple[UUID, str], int]:
        """None."""
        return {}

    def watch(self, then: Callable[[], None]) -> None:
        """It is never replaced."""

    def look(self) -> None:
        """Likewise."""

    def close(self) -> None:
        """Nothing to give back."""


def request(
    *headers: Pair, query: bytes = b"", client: tuple[str, int] | None = None
) -> GateRequest:
    async def receive() -> ASGIMessage:
        raise AssertionError("the body was read before the decision")

    scope = {
        "method": "POST",
        "headers": list(headers),
        "query_string": query,
        "client": client,
    }
    return GateRequest(scope, receive, "req_A")


def bearer(text: str) -> Pair:
    return b"authorization", b"Bearer " + text.encode()


def reach(received: GateRequest, reader: Reader) -> Verdict:
    return asyncio.run(verdicts.reach(received, FLOW, Permission.PREDICTIONS_CREATE, reader))


def stored() -> StoredSecret:
    version, digest = digests.pepper_digest(KEY.text)
    return StoredSecret(
        digest=digest,
        pepper_version=version,
        secret_ends_at=None,
        key_id=UUID(int=3),
        key_name="crm-sync",
        public_id=KEY.public_id,
        team_id=TEAM,
        scopes=frozenset({"predictions:create"}),
        expires_at=None,
        is_disabled=False,
        is_deleted=False,
        is_team_suspended=False,
        is_account_disabled=False,
    )


@pytest.mark.parametrize(
    ("received", "code"),
    [
        (request(bearer("nonsense")), "invalid_token"),
        (request(bearer(KEY.text[:-1] + "!")), "invalid_token"),
        (request((b"authorization", b"Bearer")), "invalid_token"),
        (request(bearer(KEY.text), bearer(KEY.text)), "invalid_request"),
        (request(bearer(KEY.text), query=b"apiKey=x"), "invalid_request"),
        (request(query=b"apiKey=nonsense"), "invalid_request"),
        (request(query=b"apiKey="), "invalid_request"),
    ],
)
@pytest.mark.parametrize("is_gone", [False, True])
def test_what_is_refused_by_its_form_asks_no_database(
    received: GateRequest, code: str, is_gone: bool
) -> None:
    reader = Reader(PUBLIC, is_gone=is_gone)
    assert reach(received, reader).decision.code == code
    assert reader.read_ids == []


def test_every_other_request_is_one_reading_by_id_and_never_by_text() -> None:
    flow = replace(PUBLIC, mode=Mode.KEYS, is_key_selected=True, allow_key_in_url=True)
    for received in (request(bearer(KEY.text)), request(query=b"apiKey=" + KEY.text.encode())):
        reader = Reader(flow, stored())
        assert reach(received, reader).decision.code == "ok"
        assert reader.read_ids == [KEY.public_id]
    reader = Reader(flow)
    assert reach(request(), reader).decision.code == "missing_token"
    assert reader.read_ids == [None]


def test_a_known_and_an_unknown_id_cost_the_same_hmac(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    digest = digests.pepper_digests

    def counted(text: str) -> tuple[tuple[int, str], ...]:
        runs.append(text)
        return digest(text)

    known = replace(stored(), digest="0" * 64)
    monkeypatch.setattr(digests, "pepper_digests", counted)
    for secret in (known, None):
        runs.clear()
        credentials._kept.clear()
        assert reach(request(bearer(KEY.text)), Reader(PUBLIC, secret)).decision.status == 401
        assert len(runs) == 1


@pytest.mark.parametrize("received", [request(), request(bearer(KEY.text))], ids=["none", "key"])
def test_with_the_database_gone_nobody_is_let_in_or_refused_for_good(received: GateRequest) -> None:
    decision = reach(received, Reader(PUBLIC, is_gone=True)).decision
    assert (decision.allowed, decision.status, decision.code) == (False, 503, "unavailable")


def test_with_the_pepper_gone_the_answer_is_503() -> None:
    reader = Reader(PUBLIC, replace(stored(), pepper_version=99))
    assert reach(request(bearer(KEY.text)), reader).decision.status == 503


@pytest.mark.parametrize(
    "header", [b"x-request-from", b"x-forwarded-user", b"x-api-key", b"x-original-url", b"cookie"]
)
def test_no_client_header_raises_trust(header: bytes) -> None:
    flow = replace(PUBLIC, mode=Mode.KEYS, is_key_selected=True)
    received = request((header, b"internal"), (header, b"Bearer " + KEY.text.encode()))
    assert reach(received, Reader(flow, stored())).decision.code == "missing_token"


def test_an_address_is_the_connections_and_not_the_headers() -> None:
    received = request((b"x-forwarded-for", b"198.51.100.1"), client=("203.0.113.5", 1))
    assert received.address == "203.0.113.5"
    assert request().address == ""


@pytest.mark.parametrize(
    ("headers", "is_json"),
    [
        ([(b"content-type", b"application/json")], True),
        ([(b"content-type", b"Application/JSON; charset=UTF-8")], True),
        ([(b"content-type", b'application/json; charset="utf-8"')], True),
        ([], False),
        ([(b"content-type", b"")], False),
        ([(b"content-type", b"text/plain")], False),
        ([(b"content-type", b"application/json; charset=latin-1")], False),
        ([(b"content-type", b"application/json;charset=utf-8;x=1")], True),
        ([(b"content-type", b"application/json;charset=utf8")], True),
        ([(b"content-type", b"application/json; charset=UTF-8;")], True),
        ([(b"content-type", b"application/json;odata=verbose")], True),
        ([(b"content-type", b' application/json ; ; charset="utf\\-8" ;')], True),
        ([(b"content-type", b'application/json; charset="UTF-8"; profile="a;charset=x"')], True),
        ([(b"content-type", b"application/json; charset=utf-8; charset=latin-1")], False),
        ([(b"content-type", b"application/json; charset=utf-16")], False),
        ([(b"content-type", b"application/json; charset=utf-7")], False),
        ([(b"content-type", b"application/json; charset=")], False),
        ([(b"content-type", b'application/json; charset="utf-8')], False),
        ([(b"content-type", b"application/json, text/plain")], False),
        ([(b"content-type", b"application/json charset=utf-8")], False),
        ([(b"content-type", b"application/json; charset=utf-8, text/plain")], False),
        ([(b"content-type", b"text/plain; application/json")], False),
        ([(b"content-type", b";application/json")], False),
        ([(b"content-type", b"application/json\xff")], False),
        ([(b"content-type", b"application/jsonp")], False),
        ([(b"content-type", b"multipart/form-data; boundary=x")], False),
        ([(b"content-type", b"application/json"), (b"content-encoding", b"gzip")], False),
        ([(b"content-type", b"application/json"), (b"content-encoding", b"identity")], True),
        (
            [
                (b"content-type", b"application/json"),
                (b"content-encoding", b"identity"),
                (b"content-encoding", b"gzip"),
            ],
            False,
        ),
    ],
)
def test_only_plain_json_is_a_body(headers: list[Pair], is_json: bool) -> None:
    assert request(*headers).is_plain_json is is_json


@pytest.mark.parametrize("second", [b"text/plain", b"application/json", b""])
def test_a_body_of_two_media_types_is_refused(second: bytes) -> None:
    received = request((b"content-type", b"application/json"), (b"content-type", second))
    with pytest.raises(Refused) as refused:
        _ = received.is_plain_json
    assert (refused.value.code.status, str(refused.value)) == (400, "Send one Content-Type.")


def test_running_answers_with_a_key_and_chatflow_in_common_are_read_once_a_round() -> None:
    reader = Reader(PUBLIC, stored())
    reached = [reach(request(bearer(KEY.text)), reader) for _ in range(3)]
    strangers = [reach(request(), reader) for _ in range(2)]
    del reader.read_ids[:]

    async def decisions() -> list[bool]:
        again = Round(reader)
        asking = [again.decide_again(verdict.claim) for verdict in (*reached, *strangers)]
        return [decision.allowed for decision in await asyncio.gather(*asking)]

    assert asyncio.run(decisions()) == [True] * 5
    assert sorted(reader.read_ids, key=str) == sorted([KEY.public_id, None], key=str)
    reader.secret = replace(stored(), is_deleted=True)
    assert asyncio.run(decisions()) == [False] * 3 + [True] * 2, "the next round reads anew"


def test_each_running_answer_of_a_round_is_decided_by_its_own_head() -> None:
    reader = Reader(replace(PUBLIC, origins=("https://acme.example",)))
    heads = [(), ((b"origin", b"https://acme.example"),), ((b"origin", b"https://else.example"),)]
    claims = [reach(request(*head), reader).claim for head in heads]

    async def decisions() -> list[bool]:
        again = Round(reader)
        return [(await again.decide_again(claim)).allowed for claim in claims]

    assert asyncio.run(decisions()) == [True, True, False]


def test_a_round_without_a_database_refuses_for_now() -> None:
    reader = Reader(PUBLIC)
    claim = reach(request(), reader).claim
    reader.is_gone = True

    async def decision() -> Decision:
        return await Round(reader).decide_again(claim)

    assert asyncio.run(decision()).status == 503
