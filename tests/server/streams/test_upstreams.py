"""Chatflows with an upstream behind the shipped server: passed on and guarded."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flowise import Flowise as FlowiseClient
from flowise import PredictionData

from tests.chatflows.engines import faults
from tests.chatflows.engines.upstreams import FLOW, KEY, frame
from tests.server.shipped import OWNER, Answer, start
from tests.server.streams.answers import events
from tests.server.world import LIMITS, World

pytestmark = pytest.mark.server

# Passed on


def test_a_flowise_answer_is_passed_on_with_the_callers_own_names(
    world: World, flow: str, key: str
) -> None:
    answer = world.server.predict(key, flow, question="say hello", chatId="visit-7")
    assert answer.status == 200
    body = answer.json()
    assert body["text"] == "hello"
    assert body["sourceDocuments"]
    assert (body["chatId"], body["sessionId"]) == ("visit-7", "visit-7")
    seen = world.flowise.seen[-1]
    assert seen.fields["chatId"] != "visit-7"
    assert seen.headers["Authorization"] == f"Bearer {KEY}"


def test_a_flowise_stream_is_passed_on_as_it_comes(world: World, flow: str, key: str) -> None:
    answer = world.server.predict(key, flow, question="say one two", streaming=True, chatId="v8")
    assert answer.headers["content-type"] == "text/event-stream"
    assert [name for name, _ in events(answer)] == ["start", "token", "token", "metadata", "end"]
    assert dict(events(answer))["metadata"]["chatId"] == "v8"


def test_no_client_header_reaches_the_upstream(world: World, flow: str, key: str) -> None:
    head = {
        "Authorization": f"Bearer {key}",
        "Cookie": "token=canary",
        "X-Request-From": "internal",
        "Flowise-Tool": "true",
        "X-Forwarded-For": "10.1.2.3",
        "X-Forwarded-Proto": "https",
        "Origin": "https://shop.example",
        "X-Canary": "canary",
    }
    world.server.request("POST", f"/api/v1/prediction/{flow}", {"question": "say hi"}, head)
    sent = {name.lower() for name in world.flowise.seen[-1].headers}
    assert sent <= {
        "host",
        "authorization",
        "content-type",
        "content-length",
        "accept",
        "accept-encoding",
        "user-agent",
    }
    assert key not in str(world.flowise.seen[-1])


def test_only_session_and_vars_are_overridden(world: World, flow: str, key: str) -> None:
    override = {"sessionId": "s9", "vars": {"a": 1}, "systemMessage": "obey", "model": "x"}
    answer = world.server.predict(
        key, flow, question="echo", overrideConfig=override, evaluation=True, stopNodeId="n"
    )
    sent = world.flowise.seen[-1].fields
    assert set(sent["overrideConfig"]) == {"sessionId", "vars"}
    assert sent["overrideConfig"]["sessionId"] != "s9"
    assert not {"evaluation", "stopNodeId", "chatflowId"} & set(sent)
    assert answer.json()["sessionId"] == "s9"


def test_two_keys_with_one_chat_id_never_meet_upstream(world: World, flow: str) -> None:
    ids = []
    for text in (world.key(flow), world.key(flow)):
        for _ in range(2):
            world.server.predict(text, flow, question="say hi", chatId="shared")
            ids.append(world.flowise.seen[-1].fields["chatId"])
    assert ids[0] == ids[1] != ids[2] == ids[3]


def form(parts: list[tuple[str, str | None, bytes]]) -> tuple[bytes, dict[str, str]]:
    """A form as browsers send it."""
    body = b""
    for name, file_name, content in parts:
        head = f'Content-Disposition: form-data; name="{name}"'
        if file_name is not None:
            head += f'; filename="{file_name}"\r\nContent-Type: text/plain'
        body += b"--XyZ\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"
    return body + b"--XyZ--\r\n", {"Content-Type": "multipart/form-data; boundary=XyZ"}


def test_files_are_passed_on_and_overrides_among_them_are_not(
    world: World, flow: str, key: str
) -> None:
    path, bearer = f"/api/v1/prediction/{flow}", {"Authorization": f"Bearer {key}"}
    content = b"line\r\n--XyW\r\n" + bytes(range(256)) * 5000
    body, head = form([("question", None, b"say hi"), ("files", "../a\xe9.txt", content)])
    answer = world.server.request("POST", path, body, {**head, **bearer})
    assert (answer.status, answer.json()["text"]) == (200, "hi")
    assert list(world.flowise.seen[-1].files.values()) == [content]
    ignored = [("temperature", None, b"2"), ("systemMessage", None, b"obey")]
    body, head = form([("question", None, b"say hi"), *ignored, ("files", "a", b"a")])
    assert world.server.request("POST", path, body, {**head, **bearer}).status == 200
    assert set(world.flowise.seen[-1].fields) == {"question", "chatId", "streaming"}
    count = len(world.flowise.seen)
    for name in ("overrideConfig", "uploads", "files[0]"):
        body, head = form([("question", None, b"x"), (name, None, b"{}"), ("files", "a", b"a")])
        refused = world.server.request("POST", path, body, {**head, **bearer})
        assert (refused.status, refused.json()["code"]) == (400, "invalid_body")
    assert len(world.flowise.seen) == count


def test_the_published_flowise_client_works_unchanged(world: World, flow: str, key: str) -> None:
    client = FlowiseClient(world.server.url, key)
    whole = list(client.create_prediction(PredictionData(flow, "say hello")))
    assert whole[0]["text"] == "hello"
    streamed = client.create_prediction(PredictionData(flow, "say one two", streaming=True))
    names = [json.loads(event)["event"] for event in streamed]
    assert names == ["start", "token", "token", "metadata", "end"]


def test_what_does_not_stream_is_told_in_frames(world: World, flow: str, key: str) -> None:
    answer = world.server.predict(key, flow, question="whole", streaming=True, chatId="w1")
    names = [name for name, _ in events(answer)]
    assert names == ["start", "token", "sourceDocuments", "metadata", "end"]
    assert dict(events(answer))["metadata"]["chatId"] == "w1"


# Guarded


def test_a_private_address_is_never_connected_to(tmp_path: Path, world: World) -> None:
    connected = []

    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.2)
        port = canary.getsockname()[1]
        env = {**OWNER, **LIMITS, "ALLOWED_UPSTREAM_NETWORKS": "192.0.2.0/24"}
        guarded = start(tmp_path / "guarded", env)
        try:
            flow = guarded.do("make_chatflow", team="acme", name="Guarded", entries=[])
            text = guarded.do("make_key", team="acme", name="guarded", opens=[flow])
            config = {"base_url": "http://192.0.2.1", "flow_id": FLOW}
            guarded.do("set_engine", chatflow=flow, engine="flowise", config=config, secret=KEY)
            for host in (
                "127.0.0.1",
                "localhost",
                "0x7f.1",
                "2130706433",
                "127.1",
                "0.0.0.0",
                "[::ffff:127.0.0.1]",
                "[::1]",
                "0177.0.0.1",
                "[::127.0.0.1]",
                "[64:ff9b::7f00:1]",
            ):
                url = f"http://{host}:{port}"
                moved = {"base_url": url, "flow_id": FLOW}
                guarded.do("move_engine", chatflow=flow, config=moved)
                answer = guarded.predict(text, flow)
                assert (answer.status, answer.json()["code"]) == (502, "upstream_unreachable"), host
            with pytest.raises(TimeoutError):
                connected.append(canary.accept())
        finally:
            guarded.stop()
    assert not connected


def test_two_hundred_streams_mix_nothing(world: World, flow: str, key: str) -> None:
    def ask(number: int) -> tuple[int, Answer]:
        words = " ".join(f"tag{number}x" for _ in range(40))
        asked = world.server.predict(
            key, flow, question=f"say {words}", streaming=True, chatId=f"chat{number}"
        )
        return number, asked

    barrier = threading.Barrier(200)

    def together(number: int) -> tuple[int, Answer]:
        barrier.wait()
        return ask(number)

    with ThreadPoolExecutor(200) as pool:
        for number, answer in pool.map(together, range(200)):
            told = events(answer)
            tokens = [data for name, data in told if name == "token"]
            assert tokens == [f"tag{number}x "] * 40
            assert dict(told)["metadata"]["chatId"] == f"chat{number}"
            assert told[-1][0] == "end"


def test_an_emoji_that_the_upstream_cuts_in_two_is_whole_again(world: World) -> None:
    halves = [frame("token", "\ud83d"), frame("token", "\udd11"), frame("token", "\ud83d\0")]
    sent = [faults.chunked(part) for part in (*halves, frame("end", "[DONE]"))]
    flow = world.flowise_flow(world.host.listen(faults.says(faults.SSE, *sent, b"0\r\n\r\n")))
    text = world.key(flow)
    answer = world.server.predict(text, flow, streaming=True)
    assert "".join(data for name, data in events(answer) if name == "token")[:2] == "\ud83d\udd11"
    completion = {"model": flow, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    bearer = {"Authorization": f"Bearer {text}"}
    asked = world.server.request("POST", "/v1/chat/completions", completion, bearer)
    assert asked.body.endswith(b"data: [DONE]\n\n")
    # What can't be stored as it came must not hold up the records of others.
    assert [row["code"] for row in world.server.wait_for_calls(2, flow)] == ["ok", "ok"]
    assert world.server.do("answers", chatflow=flow) == ["🔑\ufffd\ufffd"] * 2


# OpenAI-compatible


def test_an_openai_answer_streams_with_usage(world: World) -> None:
    flow = world.openai_flow(system_prompt="Be brief.")
    text = world.key(flow)
    answer = world.server.predict(text, flow, question="one two", streaming=True)
    names = [name for name, _ in events(answer)]
    assert names == ["start", "token", "token", "usageMetadata", "metadata", "end"]
    whole = world.server.predict(text, flow, question="one two").json()
    assert whole["text"] == "one two "
    assert whole["usageMetadata"]["total_tokens"] == 4
    assert world.openai.seen[-1].fields["messages"][0]["content"] == "Be brief."


def test_the_next_turn_knows_the_last_one_and_nobody_elses(world: World) -> None:
    flow = world.openai_flow(memory_turns=2)
    one, two = world.key(flow), world.key(flow)
    for question in ("first", "second", "third"):
        world.server.predict(one, flow, question=question, chatId="c", streaming=True)
    world.server.predict(one, flow, question="fourth", overrideConfig={"sessionId": "c"})
    said = [each["content"] for each in world.openai.seen[-1].fields["messages"]]
    assert said == ["second", "second ", "third", "third ", "fourth"]
    world.server.predict(two, flow, question="mine", chatId="c")
    assert len(world.openai.seen[-1].fields["messages"]) == 1


def test_an_upstreams_limit_is_a_503_with_its_time(world: World) -> None:
    flow = world.openai_flow()
    text = world.key(flow)
    answer = world.server.predict(text, flow, question="busy")
    assert (answer.status, answer.json()["code"]) == (503, "upstream_rate_limited")
    assert answer.headers["retry-after"] == "17"
    cut = world.server.predict(text, flow, question="cut", streaming=True)
    assert events(cut)[-1][0] == "error"


def test_an_interrupted_answer_of_an_openai_server_is_no_success(world: World) -> None:
    flow = world.openai_flow()
    text = world.key(flow)
    for reason, code in [
        *(("abort", "upstream_cut"), ("network_error", "upstream_cut")),
        *(("ERROR", "upstream_error"), ("tool_calls", "upstream_invalid")),
    ]:
        answer = world.server.predict(text, flow, question=f"ends {reason}")
        assert (answer.status, answer.json()["code"]) == (502, code)
        streamed = world.server.predict(text, flow, question=f"ends {reason}", streaming=True)
        names = [name for name, _ in events(streamed)]
        assert (names[-1], "end" in names) == ("error", False)
    assert world.server.predict(text, flow, question="ends MAX_TOKENS").status == 200
