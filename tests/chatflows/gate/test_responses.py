"""What the gate answers: whole error bodies, media types by Accept, challenges by row."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.permissions import Permission
from apikeys.bearer import Carrier
from apikeys.credentials import ABSENT, Credential, State
from chatflows.access import codes
from chatflows.access.codes import CODES, Code
from chatflows.access.decisions import ChatflowAccess, Decision, Mode, Reason, RequestFacts, decide
from chatflows.gate import responses
from chatflows.gate.responses import Answer, refusal
from chatflows.protocols.flowise.frames import frame
from chatflows.protocols.flowise.protocol import FLOWISE

pytestmark = pytest.mark.fast

ID = "req_AAAAAAAAAAAAAAAA"
MEMBERS = {
    "type",
    "title",
    "status",
    "detail",
    "code",
    "request_id",
    "statusCode",
    "success",
    "message",
    "error",
}


def headers(answer: Answer) -> dict[str, str]:
    pairs = [(name.decode(), value.decode()) for name, value in answer.headers]
    assert len(dict(pairs)) == len(pairs), "a header stands twice"
    return dict(pairs)


def refused(decision: Decision, accept: bytes = b"") -> Answer:
    return refusal(decision.refusal, FLOWISE, ID, accept, [])


def refused_with(code: Code, scope: Permission | None = None, accept: bytes = b"") -> Answer:
    return refused(Decision(False, code.status, code.name, Reason.OFF, scope), accept)


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_every_error_has_all_members_and_agrees_with_itself(code: Code) -> None:
    answer = refused_with(code)
    body = json.loads(answer.body)
    assert set(body) == MEMBERS
    assert body["type"] == f"urn:flowlatch:error:{code.name}"
    assert body["status"] == body["statusCode"] == answer.status == code.status
    assert body["detail"] == body["message"] == body["error"] == code.sentence
    assert body["success"] is False
    assert (body["code"], body["request_id"]) == (code.name, ID)
    head = headers(answer)
    for name in ("www-authenticate", "retry-after"):
        head.pop(name, None)
    assert head == {
        "content-type": "application/json",
        "content-length": str(len(answer.body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (b"", "application/json"),
        (b"*/*", "application/json"),
        (b"application/json", "application/json"),
        (b"text/html", "application/json"),
        (b"\xff\0", "application/json"),
        (b"application/problem+json", "application/problem+json"),
        (b"application/problem+json, */*", "application/problem+json"),
        (b"text/event-stream", "text/plain; charset=utf-8"),
        (b"text/event-stream, application/json", "text/plain; charset=utf-8"),
    ],
)
def test_the_media_type_follows_accept(accept: bytes, content_type: str) -> None:
    answer = refused_with(codes.CHATFLOW_OFF, accept=accept)
    assert headers(answer)["content-type"] == content_type
    if content_type.startswith("text/plain"):
        assert answer.body.decode() == codes.CHATFLOW_OFF.sentence
    else:
        assert json.loads(answer.body)["code"] == "chatflow_off"


@pytest.mark.parametrize("accept", [b"Text/Event-Stream", b"application/Problem+JSON"])
def test_accept_is_read_without_regard_to_case(accept: bytes) -> None:
    answer = refused_with(codes.CHATFLOW_OFF, accept=accept)
    assert headers(answer)["content-type"] != "application/json"


@pytest.mark.parametrize(
    ("status", "code", "scope", "challenge"),
    [
        (400, "invalid_request", None, 'Bearer realm="flowlatch", error="invalid_request"'),
        (401, "invalid_token", None, 'Bearer realm="flowlatch", error="invalid_token"'),
        (401, "missing_token", None, 'Bearer realm="flowlatch"'),
        (
            403,
            "insufficient_scope",
            Permission.PREDICTIONS_CREATE,
            'Bearer realm="flowlatch", error="insufficient_scope", scope="predictions:create"',
        ),
        (403, "key_not_selected", None, None),
        (403, "chatflow_off", None, None),
        (403, "origin_not_allowed", None, None),
        (403, "network_not_allowed", None, None),
        (404, "not_found", None, None),
        (429, "rate_limited", None, None),
        (503, "unavailable", None, None),
    ],
)
def test_each_row_has_its_challenge(
    status: int, code: str, scope: Permission | None, challenge: str | None
) -> None:
    head = headers(refused_with(CODES[code], scope))
    assert head.get("www-authenticate") == challenge
    assert ("retry-after" in head) is (status in (429, 503))


def test_bad_credentials_get_the_same_bytes_whatever_they_are() -> None:
    flow = ChatflowAccess(UUID(int=1), UUID(int=2), Mode.KEYS, is_key_selected=True)
    good = Credential(Carrier.HEADER, State.GOOD, team_id=flow.team_id, key_name="canary")
    answers = {
        repr(refused(decide(good._replace(state=state), chatflow, RequestFacts())))
        for state in State
        if state not in (State.GOOD, State.ABSENT)
        for chatflow in (None, flow, replace(flow, mode=Mode.PUBLIC), replace(flow, mode=Mode.OFF))
    }
    assert len(answers) == 1
    assert "canary" not in answers.pop()


def test_without_a_credential_protected_off_and_unknown_are_the_same_bytes() -> None:
    flow = ChatflowAccess(UUID(int=1), UUID(int=2), Mode.KEYS)
    answers = [
        refused(decide(ABSENT, chatflow, RequestFacts()))
        for chatflow in (None, flow, replace(flow, mode=Mode.OFF))
    ]
    assert answers[0] == answers[1] == answers[2]


@given(st.text().filter(lambda text: text.isprintable() or "\n" in text))
def test_a_frame_is_one_event_whatever_it_carries(text: str) -> None:
    sent = frame("token", text)
    lines = sent.split(b"\n")
    assert lines[0] == b"message:"
    assert lines[1].startswith(b"data:")
    assert lines[2:] == [b"", b""]
    assert json.loads(lines[1].removeprefix(b"data:")) == {"event": "token", "data": text}
    assert b"\r" not in sent


def test_half_an_emoji_stays_an_escape() -> None:
    assert json.loads(frame("token", "\ud83d").split(b"\n")[1][5:])["data"] == "\ud83d"
    assert "🔑".encode() in frame("token", "🔑")


def test_a_plain_answer_says_its_length_in_bytes() -> None:
    answer = responses.json_answer({"text": "🔑"})
    assert headers(answer)["content-length"] == str(len(answer.body))
