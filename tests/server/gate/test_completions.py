"""Chat completions on the wire: OpenAI's own client against the shipped server."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.chatflows.engines.upstreams import KEY
from tests.server.shipped import Answer, Shipped
from tests.server.world import World, eventually

pytestmark = pytest.mark.server

UNKNOWN = "00000000-0000-4000-8000-000000000000"
WRONG = "flk_sk_" + "A" * 12 + "_" + "B" * 49
HI: Any = [{"role": "user", "content": "What is Flowlatch?"}]
SENTENCE = "Flowlatch is the front door for AI chatflows."


@pytest.fixture(scope="module")
def server(world: World) -> Shipped:
    return world.server


@pytest.fixture(scope="module")
def faq(server: Shipped) -> str:
    entries = [["What is Flowlatch?", SENTENCE]]
    flow: str = server.do("make_chatflow", team="acme", name="Completed", entries=entries)
    return flow


@pytest.fixture(scope="module")
def model(world: World) -> str:
    """A chatflow with a model behind it."""
    return world.openai_flow(system_prompt="Be brief.")


@pytest.fixture(scope="module")
def key(world: World, faq: str, model: str) -> str:
    return world.key(faq, model)


@pytest.fixture(scope="module")
def client(server: Shipped, key: str) -> Iterator[OpenAI]:
    """The published client, told a base URL and a key."""
    with client_of(server, key) as client:
        yield client


def client_of(server: Shipped, key: str) -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)


def complete(server: Shipped, key: str | None, **fields: Any) -> Answer:
    """A raw request."""
    head = {"Authorization": f"Bearer {key}"} if key else {}
    return server.request("POST", "/v1/chat/completions", {"messages": HI, **fields}, head)


def chunks(answer: Answer) -> list[Any]:
    """What a stream carries; the end as a string."""
    lines = answer.body.decode().split("\n")
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


# The published client


def test_a_key_lists_the_chatflows_that_it_opens(
    server: Shipped, client: OpenAI, faq: str, model: str
) -> None:
    found = {each.id: each for each in client.models.list()}
    assert set(found) == {faq, model}
    assert found[faq].model_dump()["name"] == "Completed"
    assert found[faq].created > 1_700_000_000


def test_a_faq_answers_the_published_client(client: OpenAI, faq: str) -> None:
    answer = client.chat.completions.create(model=faq, messages=HI)
    assert answer.choices[0].message.content == SENTENCE
    assert (answer.choices[0].finish_reason, answer.choices[0].message.role) == (
        "stop",
        "assistant",
    )
    assert answer.model == faq
    assert answer.usage is not None
    assert answer.usage.total_tokens == 0  # nobody counted


def test_a_faq_streams_to_the_published_client(client: OpenAI, faq: str) -> None:
    with client.chat.completions.create(model=faq, messages=HI, stream=True) as stream:
        got = [*stream]
    assert got[0].choices[0].delta.role == "assistant"
    assert "".join(each.choices[0].delta.content or "" for each in got) == SENTENCE
    assert [each.choices[0].finish_reason for each in got if each.choices[0].finish_reason] == [
        "stop"
    ]
    assert len({each.id for each in got}) == 1


def test_a_models_answer_comes_with_its_usage(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=HI)
    assert answer.choices[0].message.content == "What is Flowlatch? "
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 3)
    options: Any = {"include_usage": True}
    with client.chat.completions.create(
        model=model, messages=HI, stream=True, stream_options=options
    ) as stream:
        *body, last = stream
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == 5
    assert all(each.usage is None for each in body)


def test_a_model_is_shown_the_whole_conversation_after_the_chatflows_prompt(
    world: World, client: OpenAI, model: str
) -> None:
    messages: Any = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": "Three"},
    ]
    for _ in range(2):  # nothing is remembered between the two
        client.chat.completions.create(model=model, messages=messages, temperature=0.1)
        seen = world.openai.seen[-1].fields
        assert seen["messages"] == [{"role": "system", "content": "Be brief."}, *messages]
        assert seen["model"] == "tiny"
        assert "temperature" not in seen


def test_a_flowise_flow_is_told_the_question_and_the_history(world: World) -> None:
    flow = world.flowise_flow()
    client = client_of(world.server, world.key(flow))
    messages: Any = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": "say three four"},
    ]
    answer = client.chat.completions.create(model=flow, messages=messages)
    assert answer.choices[0].message.content == "three four"
    seen = world.flowise.seen[-1].fields
    assert seen["question"] == "say three four"
    assert seen["history"] == [
        {"role": "userMessage", "content": "One"},
        {"role": "apiMessage", "content": "Two"},
    ]
    with client.chat.completions.create(model=flow, messages=messages, stream=True) as stream:
        text = "".join(each.choices[0].delta.content or "" for each in stream)
    assert text == "three four "


@pytest.mark.parametrize(
    ("text", "named", "error"),
    [
        (None, "faq", openai.AuthenticationError),
        (WRONG, "faq", openai.AuthenticationError),
        ("another", "faq", openai.PermissionDeniedError),
        ("good", UNKNOWN, openai.NotFoundError),
        ("good", "gpt-4o", openai.NotFoundError),
    ],
)
def test_refusals_are_the_clients_own_exceptions(
    request: pytest.FixtureRequest, text: str | None, named: str, error: type[openai.APIStatusError]
) -> None:
    world: World = request.getfixturevalue("world")
    good, faq = request.getfixturevalue("key"), request.getfixturevalue("faq")
    client = client_of(world.server, {"good": good, "another": world.key()}.get(text or "", WRONG))
    if text is None:
        client = client.with_options(default_headers={"Authorization": ""})
    for stream in (False, True):
        with pytest.raises(error) as raised:
            client.chat.completions.create(
                model=named.replace("faq", faq), messages=HI, stream=stream
            )
        body: Any = raised.value.body
        assert set(body) == {"message", "type", "param", "code"}
        assert raised.value.response.headers["x-request-id"].startswith("req_")


def test_faults_are_the_clients_own_exceptions(world: World, client: OpenAI, model: str) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "busy"}])
    assert raised.value.status_code == 503
    assert raised.value.code == "upstream_rate_limited"
    assert raised.value.response.headers["retry-after"] == "17"
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=model, messages=HI, n=2)
    assert refused.value.code == "invalid_body"


def test_a_cut_stream_is_an_error_to_the_client_and_has_no_end(
    world: World, server: Shipped, client: OpenAI, key: str, model: str
) -> None:
    cut: Any = [{"role": "user", "content": "cut"}]
    stream = client.chat.completions.create(model=model, messages=cut, stream=True)
    with stream, pytest.raises(openai.APIError):
        list(stream)
    *before, last = chunks(complete(server, key, model=model, messages=cut, stream=True))
    assert before[-1]["choices"][0]["delta"] == {"content": "cut "}
    assert last["error"]["code"] == "upstream_cut"
    whole = complete(server, key, model=model, messages=cut)
    assert (whole.status, whole.json()["error"]["code"]) == (502, "upstream_cut")


# The rule


def test_without_a_good_key_all_models_look_alike(server: Shipped, key: str, faq: str) -> None:
    off = server.do("make_chatflow", team="acme", name="Off, and no model", entries=[])
    server.do("save_access", chatflow=off, mode="off", opens_for=[])
    for text in (None, WRONG, "nonsense"):
        answers = [
            complete(server, text, model=each) for each in (faq, off, UNKNOWN, "gpt", 7, None)
        ]
        answers.append(server.request("POST", "/v1/chat/completions", b"{", bearer(text)))
        assert {a.status for a in answers} == {401}
        assert all(a.without_request_id == answers[0].without_request_id for a in answers)
    bad = [complete(server, text, model=faq) for text in (WRONG, "nonsense", KEY)]
    assert all(a.without_request_id == bad[0].without_request_id for a in bad)


def test_anothers_chatflow_is_an_unknown_model(server: Shipped, key: str) -> None:
    team = server.do("make_team", name="Initech")
    theirs = server.do("make_chatflow", team=team, name="Theirs", entries=[])
    server.do("save_access", chatflow=theirs, mode="public", opens_for=[])
    answers = [complete(server, key, model=each) for each in (theirs, UNKNOWN, "gpt-4o", "")]
    assert answers[0].status == 404
    assert all(a.without_request_id == answers[0].without_request_id for a in answers)


def test_there_is_no_list_without_a_good_key(server: Shipped, faq: str) -> None:
    assert server.request("GET", "/v1/models").json()["error"]["code"] == "missing_token"
    for text in (WRONG, "nonsense"):
        answer = server.request("GET", "/v1/models", headers=bearer(text))
        assert (answer.status, answer.json()["error"]["code"]) == (401, "invalid_token")
    scopeless = server.do("make_key", team="acme", name="listless", opens=[faq], scopes=[])
    answer = server.request("GET", "/v1/models", headers=bearer(scopeless))
    assert (answer.status, answer.json()["error"]["code"]) == (403, "insufficient_scope")
    in_url = server.request("GET", f"/v1/models?apiKey={scopeless}")
    assert (in_url.status, in_url.json()["error"]["code"]) == (400, "invalid_request")


def test_a_public_chatflow_answers_without_a_key(server: Shipped) -> None:
    flow = server.do("make_chatflow", team="acme", name="Open to all", entries=[])
    server.do("save_access", chatflow=flow, mode="public", opens_for=[])
    assert complete(server, None, model=flow).status == 200
    assert complete(server, WRONG, model=flow).status == 401


def test_a_key_that_is_taken_back_lists_and_completes_nothing(server: Shipped, faq: str) -> None:
    text = server.do("make_key", team="acme", name="completes no more", opens=[faq])
    assert complete(server, text, model=faq).status == 200
    server.do("delete", name="completes no more")
    assert complete(server, text, model=faq).status == 401
    assert server.request("GET", "/v1/models", headers=bearer(text)).status == 401


def test_a_bad_body_is_told_to_a_good_key_in_openais_form(server: Shipped, key: str) -> None:
    path, head = "/v1/chat/completions", bearer(key)
    text = {**head, "Content-Type": "text/plain"}
    answers = [
        (server.request("POST", path, b"{", head), 400, "invalid_body"),
        (server.request("POST", path, b"[]", head), 400, "invalid_body"),
        (server.request("POST", path, {"messages": HI}, head), 400, "invalid_body"),
        (server.request("POST", path, b"{}", text), 415, "unsupported_media_type"),
        (
            server.request("POST", path, b"{}", {**head, "Content-Length": str(2**30)}),
            413,
            "too_large",
        ),
        (server.request("GET", path, None, head), 405, "method_not_allowed"),
    ]
    for answer, status, code in answers:
        assert answer.status == status
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["error"]["code"] == code


def test_completions_are_recorded_as_predictions_are(server: Shipped, faq: str) -> None:
    flow = server.do("make_chatflow", team="acme", name="Noted", entries=[["Hi", "Hello"]])
    text = server.do("make_key", team="acme", name="completes", opens=[flow])
    complete(server, text, model=flow, stream=True)
    complete(server, None, model=flow)
    complete(server, text, model=flow, messages=[])
    rows = server.wait_for_calls(3, flow)
    assert [(r["status"], r["code"], r["key_name"], r["streamed"]) for r in reversed(rows)] == [
        (200, "ok", "completes", True),
        (401, "missing_token", "", False),
        (400, "invalid_body", "completes", False),
    ]
    assert eventually(lambda: '"route":"/v1/chat/completions"' in server.log)


def test_an_open_stream_ends_when_the_key_is_taken_back(world: World) -> None:
    flow = world.flowise_flow()
    text = world.key(flow, name="streams completions")
    slow: Any = [{"role": "user", "content": "slow words"}]
    client = client_of(world.server, text)
    stream = client.chat.completions.create(model=flow, messages=slow, stream=True)
    with stream:
        next(stream)
        world.server.do("delete", name="streams completions")
        with pytest.raises(openai.APIError) as raised:
            list(stream)
    assert raised.value.code == "invalid_token"


def bearer(text: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"} if text else {}
