"""Addresses that people copy from Flowise: the server's and the flow's id are taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.engines.flowise.addresses import MAX_LENGTH, taken_apart
from tests.endings import that_ends

pytestmark = pytest.mark.fast

ID = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"
HOST = "http://127.0.0.1:3000"
EMBED = f"""<script type="module">
    import Chatbot from "https://cdn.jsdelivr.net/npm/flowise-embed/dist/web.js"
    Chatbot.init({{
        chatflowid: "{ID}",
        apiHost: "{HOST}",
        theme: {{ button: {{ backgroundColor: "#3B81F6" }} }}
    }})
</script>"""
REACT = f'<BubbleChat chatflowid="{ID}" apiHost="{HOST}" />'
CURL = f"""curl {HOST}/api/v1/prediction/{ID} \\
     -X POST -d '{{"question": "Hey"}}' -H "Content-Type: application/json" """
PYTHON = f'API_URL = "{HOST}/api/v1/prediction/{ID}"\n\ndef query(payload): ...'


@pytest.mark.parametrize(
    "text",
    [
        f"{HOST}/canvas/{ID}",
        f"{HOST}/canvas/{ID}/",
        f"{HOST}/canvas/{ID}?tab=1&x={ID}",
        f"{HOST}/canvas/{ID}#settings",
        f"  {HOST}/canvas/{ID.upper()}\n",
        f"{HOST}/agentcanvas/{ID}",
        f"{HOST}/v2/agentcanvas/{ID}",
        f"{HOST}/v2/agentcanvas/{ID}/?x#y",
        f"{HOST}/V2/AgentCanvas/{ID}",
        f"{HOST}//canvas/{ID}",
        f"{HOST}/chatbot/{ID}",
        f"{HOST}/api/v1/prediction/{ID}",
        f"{HOST}/api/v1/internal-prediction/{ID}",
        f"{HOST}/api/v1/public-chatbotConfig/{ID}",
        f"{HOST}/api/v1/vector/upsert/{ID}",
        EMBED,
        EMBED.replace("init", "initFull").replace("\n", " "),
        REACT,
        CURL,
        PYTHON,
    ],
)
def test_server_and_flow_are_taken_apart(text: str) -> None:
    assert taken_apart(text) == (HOST, ID)


@pytest.mark.parametrize(
    "base",
    [
        "https://flows.example.com",
        "https://flows.example.com/tools/flowise",
        "http://[::1]:3000",
        "https://flows.example.com/canvas",
        "http://user:pw@10.0.0.1",  # the check of the address refuses it
    ],
)
def test_a_server_may_stand_under_a_path(base: str) -> None:
    assert taken_apart(f"{base}/v2/agentcanvas/{ID}") == (base, ID)


@pytest.mark.parametrize(
    "text", [f"/canvas/{ID}", f"localhost:3000/canvas/{ID}", f'chatflowid: "{ID}"']
)
def test_without_a_server_the_flow_alone_is_found(text: str) -> None:
    assert taken_apart(text) == ("", ID)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID,
        HOST,
        f"{HOST}/canvas",
        f"{HOST}/canvas/{ID}0",
        f"{HOST}/canvas/{ID}-1",
        f"{HOST}/canvas/x{ID}",
        f"{HOST}/canvas/{ID[:-1]}",
        f"{HOST}/marketplace/{ID}",
        f"{HOST}/mycanvas/{ID}",
        f"javascript:/canva/{ID}",
        f"{HOST}/canvas/{ID}" + "x" * MAX_LENGTH,
        f'chatflowidentity: "{ID}"',
    ],
    ids=lambda text: text[:50],
)
def test_anything_else_is_left_as_it_is(text: str) -> None:
    assert taken_apart(text) is None


@given(st.text(max_size=500), st.text(max_size=500))
def test_an_address_is_found_in_any_text(before: str, after: str) -> None:
    assert taken_apart(f"{before} {HOST}/canvas/{ID} {after}") == (HOST, ID)


@pytest.mark.parametrize(
    "piece", ["http://", "http:///canvas/", "/api/v1/a", "chatflowid: {", "a-"]
)
def test_a_hostile_text_is_read_at_once(piece: str) -> None:
    with that_ends():
        assert taken_apart((piece * MAX_LENGTH)[:MAX_LENGTH]) is None
