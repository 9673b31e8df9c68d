"""Predictions on the wire, asked of the shipped server."""

import json
import uuid
from typing import Any

import pytest
from django.conf import settings

from tests.server.shipped import Answer, Shipped

pytestmark = pytest.mark.server

UNKNOWN = "00000000-0000-4000-8000-000000000000"
WRONG = "flk_sk_" + "A" * 12 + "_" + "B" * 49


def frames(answer: Answer) -> list[dict[str, Any]]:
    """The events of a stream, as Flowise's SDK reads them."""
    lines = answer.body.decode().split("\n")
    return [json.loads(line.replace("data:", "", 1)) for line in lines if line.startswith("data:")]


def test_without_a_key_the_caller_is_told_to_send_one(server: Shipped) -> None:
    answer = server.predict()
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="flowlatch"'
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["code"] == "missing_token"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert (body["statusCode"], body["success"]) == (401, False)
    assert body["message"] == body["error"] == body["detail"]


def test_with_a_selected_key_the_question_is_answered(server: Shipped, key: str) -> None:
    answer = server.predict(key)
    assert answer.status == 200
    body = answer.json()
    assert "front door" in body["text"]
    assert uuid.UUID(body["chatId"])
    assert uuid.UUID(body["chatMessageId"])
    assert body["question"] == "What is Flowlatch?"


def test_a_stream_has_flowises_frames_in_flowises_order(server: Shipped, key: str) -> None:
    answer = server.predict(key, streaming=True)
    assert answer.headers["content-type"] == "text/event-stream"
    events = frames(answer)
    names = [event["event"] for event in events]
    assert names[0] == "start"
    assert names[-2:] == ["metadata", "end"]
    assert events[0]["data"] == events[1]["data"]
    text = "".join(event["data"] for event in events if event["event"] == "token")
    assert text == server.predict(key).json()["text"]
    assert set(events[-2]["data"]) >= {"chatId", "chatMessageId", "question", "sessionId"}
    assert events[-1]["data"] == "[DONE]"
    assert answer.body.startswith(b'message:\ndata:{"event":"start"')


@pytest.mark.parametrize("streaming", [True, False])
def test_a_refused_stream_is_refused_before_its_first_byte(
    server: Shipped, streaming: bool
) -> None:
    answer = server.predict(WRONG, streaming=streaming)
    assert answer.status == 401
    assert "event-stream" not in answer.headers["content-type"]


@pytest.mark.parametrize("blanks", ["\t", " ", " \t ", "\t\t"])
def test_blanks_around_the_header_are_no_part_of_the_key(
    server: Shipped, key: str, blanks: str
) -> None:
    for value in (f"Bearer {key}{blanks}", f"{blanks}Bearer {key}"):
        path = f"/api/v1/prediction/{server.chatflow}"
        answer = server.request("POST", path, {"question": "Hi"}, {"Authorization": value})
        assert answer.status == 200
        models = server.request("GET", "/v1/models", headers={"Authorization": value})
        assert models.status == 200


def test_another_key_of_the_team_is_not_selected(server: Shipped) -> None:
    other = server.do("make_key", team="acme", name="unselected", opens=[])
    answer = server.predict(other)
    assert (answer.status, answer.json()["code"]) == (403, "key_not_selected")


def test_an_unknown_id_without_a_key_looks_like_a_protected_one(server: Shipped) -> None:
    protected = server.predict()
    unknown = server.predict(chatflow=UNKNOWN)
    assert unknown.without_request_id == protected.without_request_id


def test_another_teams_chatflow_looks_like_an_unknown_one(server: Shipped, key: str) -> None:
    slug = server.do("make_team", name=f"Globex {uuid.uuid4()}")
    foreign = server.do("make_chatflow", team=slug, name="Theirs", entries=[])
    answer = server.predict(key, foreign)
    assert (answer.status, answer.json()["code"]) == (404, "not_found")
    assert answer.without_request_id == server.predict(key, UNKNOWN).without_request_id


def test_dead_keys_look_the_same_from_outside(server: Shipped) -> None:
    flow = server.do("make_chatflow", team="acme", name="Guarded", entries=[])
    names = ["expired", "deleted", "disabled", "replaced"]
    texts = {name: server.do("make_key", team="acme", name=name, opens=[flow]) for name in names}
    assert {server.predict(text, flow).status for text in texts.values()} == {200}
    server.do("expire", name="expired")
    server.do("delete", name="deleted")
    server.do("disable", name="disabled")
    server.do("replace", name="replaced")
    expected = server.predict(WRONG, flow).without_request_id
    assert expected[0] == 401
    mistyped = texts["expired"][:-1] + ("0" if texts["expired"][-1] != "0" else "1")
    for text in [*texts.values(), mistyped, "nonsense", texts["expired"][7:19]]:
        assert server.predict(text, flow).without_request_id == expected
    # The team sees what they were.
    reasons = {row["reason"] for row in server.wait_for_calls(4 + 1 + 7, flow)}
    assert {"expired", "revoked", "disabled", "malformed"} <= reasons


def test_a_bad_key_is_refused_on_a_public_chatflow_too(server: Shipped, key: str) -> None:
    flow = server.do("make_chatflow", team="acme", name="Open house", entries=[["Hi", "Hello"]])
    server.do("save_access", chatflow=flow, mode="public", opens_for=[])
    assert server.predict(chatflow=flow, question="Hi").json()["text"] == "Hello"
    assert server.predict(WRONG, flow).status == 401
    assert server.predict(key, flow).status == 200  # not asked to be selected


@pytest.mark.parametrize("question", ["营业时间", "你们的营业时间是几点\uff1f"])
def test_a_word_inside_a_chinese_question_finds_its_answer(server: Shipped, question: str) -> None:
    entries = [["营业时间是什么\uff1f", "九点到六点"]]
    flow = server.do("make_chatflow", team="acme", name=f"Shop {question}", entries=entries)
    server.do("save_access", chatflow=flow, mode="public", opens_for=[])
    assert server.predict(chatflow=flow, question=question).json()["text"] == "九点到六点"


def test_an_off_chatflow_says_so_to_its_keys_alone(server: Shipped) -> None:
    flow = server.do("make_chatflow", team="acme", name="Closed", entries=[])
    text = server.do("make_key", team="acme", name="patient", opens=[flow])
    server.do("save_access", chatflow=flow, mode="off", opens_for=["patient"])
    assert server.predict(text, flow).json()["code"] == "chatflow_off"
    assert server.predict(chatflow=flow).without_request_id == server.predict().without_request_id


def test_the_scope_is_asked(server: Shipped) -> None:
    flow = [server.chatflow]
    text = server.do("make_key", team="acme", name="scopeless", opens=flow, scopes=[])
    answer = server.predict(text)
    assert (answer.status, answer.json()["code"]) == (403, "insufficient_scope")
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope", scope="predictions:create"' in challenge


def test_a_suspended_teams_key_is_no_key(server: Shipped) -> None:
    slug = server.do("make_team", name="Paused")
    flow = server.do("make_chatflow", team=slug, name="Paused flow", entries=[["Hi", "Hello"]])
    text = server.do("make_key", team=slug, name="paused", opens=[flow])
    server.do("save_access", chatflow=flow, mode="public", opens_for=["paused"])
    assert server.predict(text, flow).status == 200
    server.do("suspend", team=slug, is_suspended=True)
    assert server.predict(text, flow).json()["code"] == "invalid_token"
    assert server.predict(chatflow=flow).json()["code"] == "missing_token"


def test_a_key_in_the_url_is_taken_only_where_the_chatflow_allows_it(
    server: Shipped, key: str
) -> None:
    path = f"/api/v1/prediction/{server.chatflow}"
    question = {"question": "What is Flowlatch?"}
    bearer = {"Authorization": f"Bearer {key}"}
    refused = server.request("POST", f"{path}?apiKey={key}", question)
    assert (refused.status, refused.json()["code"]) == (400, "invalid_request")
    assert 'error="invalid_request"' in refused.headers["www-authenticate"]
    flow = server.do("make_chatflow", team="acme", name="Headerless", entries=[["Hi", "Hello"]])
    text = server.do("make_key", team="acme", name="in-url", opens=[flow])
    access = {"chatflow": flow, "mode": "keys", "opens_for": ["in-url"], "in_url": True}
    server.do("save_access", **access)
    path = f"/api/v1/prediction/{flow}"
    assert server.request("POST", f"{path}?apiKey={text}", {"question": "Hi"}).status == 200
    for query in (f"apiKey={WRONG}", "apiKey=", f"apiKey={text}&apiKey={text}", f"apiKey={key}x"):
        assert server.request("POST", f"{path}?{query}", question).status == 400
    assert server.request("POST", f"{path}?apiKey={text}", question, bearer).status == 400
    assert text not in server.log


def test_conversations_are_bound_to_the_credential(server: Shipped) -> None:
    flow = server.do("make_chatflow", team="acme", name="Bound", entries=[["Hi", "Hello"]])
    one = server.do("make_key", team="acme", name="one", opens=[flow])
    two = server.do("make_key", team="acme", name="two", opens=[flow])
    first = server.predict(one, flow, question="Hi").json()
    for key in (one, two):
        again = server.predict(key, flow, question="Hi", chatId=first["chatId"]).json()
        assert again["chatId"] == first["chatId"]
    server.wait_for_calls(3, flow)
    (id_1, caller_1, turns_1), (id_2, caller_2, turns_2) = server.do("conversations", chatflow=flow)
    assert id_1 == id_2 == first["chatId"]
    assert caller_1 != caller_2
    assert {turns_1, turns_2} == {1, 2}


def test_the_last_outcomes_are_recorded_with_their_reasons(server: Shipped) -> None:
    flow = server.do("make_chatflow", team="acme", name="Recorded", entries=[["Hi", "Hello"]])
    text = server.do("make_key", team="acme", name="recorded", opens=[flow])
    server.predict(text, flow, question="Hi", streaming=True)
    server.predict(chatflow=flow)
    server.predict("nonsense", flow)
    server.predict(text, flow, question=7)
    rows = server.wait_for_calls(4, flow)
    assert [(r["status"], r["code"], r["reason"], r["key_name"]) for r in reversed(rows)] == [
        (200, "ok", "ok", "recorded"),
        (401, "missing_token", "no_credential", ""),
        (401, "invalid_token", "malformed", ""),
        (400, "invalid_body", "ok", "recorded"),
    ]
    assert rows[-1]["streamed"]


def test_clients_that_ask_first_get_what_they_need(server: Shipped, key: str) -> None:
    bearer = {"Authorization": f"Bearer {key}"}
    probe = f"/api/v1/chatflows-streaming/{UNKNOWN}"
    assert server.request("GET", probe).json() == {"isStreaming": True}
    config = f"/api/v1/public-chatbotConfig/{server.chatflow}"
    assert server.request("GET", config).status == 401
    assert server.request("GET", config, headers=bearer).json()["uploads"]
    assert server.request("GET", "/api/v1/ping").body == b"pong"
    version = {"version": settings.FLOWISE_VERSION}
    assert server.request("GET", "/api/v1/version").json() == version
    assert server.request("GET", "/livez").status == 200


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/problem+json", "application/problem+json"),
        ("text/event-stream", "text/plain; charset=utf-8"),
        ("text/html", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_errors_come_in_the_form_that_the_client_asked_for(
    server: Shipped, accept: str, content_type: str
) -> None:
    path = f"/api/v1/prediction/{server.chatflow}"
    answer = server.request("POST", path, {"question": "Hi"}, {"Accept": accept})
    assert answer.headers["content-type"] == content_type
    assert b"<" not in answer.body.replace(b"<key>", b"")


def test_sdks_nulls_and_unknown_fields_are_taken(server: Shipped, key: str) -> None:
    more: dict[str, Any] = {
        "chatflowId": server.chatflow,
        "overrideConfig": None,
        "chatId": None,
        "history": [],
        "uploads": [],
        "streaming": "false",
        "socketIOClientId": "x",
    }
    assert server.predict(key, **more).status == 200
    named = server.predict(key, overrideConfig={"sessionId": "visit-7"}).json()
    assert named["chatId"] == "visit-7"
