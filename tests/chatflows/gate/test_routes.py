"""The gate's table: only the exact spelling of a path is its own."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.permissions import Permission
from chatflows.gate import constants
from chatflows.gate.routes import ROUTES, Asks, Family, Open, Route, family_of, match

pytestmark = pytest.mark.fast

ID = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"
PATH = f"/api/v1/prediction/{ID}"

NOT_OURS = [
    "",
    "/",
    PATH + "/",
    PATH + "//",
    "/" + PATH,
    PATH.removeprefix("/"),
    PATH.upper(),
    f"/API/v1/prediction/{ID}",
    f"/api/V1/prediction/{ID}",
    f"/api/v1/Prediction/{ID}",
    f"/api/v1/prediction/{ID.upper()}",
    f"/api/v1/prediction/{ID.replace('a', 'A')}",
    f"/api/v1/prediction/{ID.replace('-', '')}",
    f"/api/v1/prediction/{{{ID}}}",
    f"/api/v1/prediction/urn:uuid:{ID}",
    f"/api/v1/prediction/{ID[:-1]}",
    f"/api/v1/prediction/{ID}0",
    f"/api/v1/prediction/{ID}%20",
    f"/api/v1/prediction/{ID} ",
    f"/api/v1/prediction/{ID}\n",
    f"/api/v1/prediction/{ID}%00",
    f"/api/v1/prediction/{ID};x=1",
    f"/api/v1/prediction/{ID}?x=1",
    f"/api/v1/prediction/{ID}#x",
    f"/api/v1/prediction/{ID}.json",
    f"/api/v1/prediction/{ID}/../{ID}",
    f"/api/v1/prediction//{ID}",
    f"/api/v1//prediction/{ID}",
    f"//api/v1/prediction/{ID}",
    f"/api/v1/./prediction/{ID}",
    f"/api/v1/x/../prediction/{ID}",
    f"/api/v1/prediction/%7B{ID}%7D",
    f"/api/v1/%70rediction/{ID}",
    f"/api%2Fv1%2Fprediction%2F{ID}",
    f"/api/v1/prediction%2F{ID}",
    f"/api/v1/prediction/{ID.replace('-', '%2D')}",
    f"\\api\\v1\\prediction\\{ID}",
    f"/api/v1/prediction\\{ID}",
    f"/api/v2/prediction/{ID}",
    f"/api/prediction/{ID}",
    f"/v1/prediction/{ID}",
    f"/internal-prediction/{ID}",
    f"/api/v1/internal-prediction/{ID}",
    f"/prefix/api/v1/prediction/{ID}",
    f"http://localhost/api/v1/prediction/{ID}",
    f"/api/v1/predictions/{ID}",
    "/api/v1/prediction/",
    "/api/v1/prediction",
    f"/api/v1/prediction/{ID}/{ID}",
    "/api/v1/prediction/" + "０" * 8 + ID[8:],  # full-width digits  # noqa: RUF001
    f"/api/v1/chatmessage/abort/{ID}",
    f"/api/v1/chatmessage/abort/{ID}/",
    f"/api/v1/chatmessage/abort/{ID}/c1/c2",
    f"/api/v1/chatmessage/abort/{ID.upper()}/c1",
    f"/api/v1/chatmessage/abort/{ID}/%ff",
    f"/api/v1/chatmessage/Abort/{ID}/c1",
    "/api/v1/ping/",
    "/api/v1/PING",
    f"/api/v1/ping/{ID}",
    "/v1/models/",
    f"/v1/models/{ID}/",
    f"/v1/models/{ID.upper()}",
    "/v1/models/gpt-4o",
    "/v1/responses",
    "/v1/completions",
    "/V1/models",
    "/v1/chat/completions/",
    "/v1//chat/completions",
    f"/v1/chat/completions/{ID}",
    "/api/v1/chat/completions",
    "/livez/",
    "/LIVEZ",
    "/readyz/",
    "/Metrics",
]


@pytest.mark.parametrize("path", NOT_OURS, ids=lambda path: repr(path.replace(ID, "ID"))[:50])
def test_another_spelling_is_not_the_gates(path: str) -> None:
    assert match(path.encode()) is None


def test_the_exact_path_is_matched_with_its_id() -> None:
    found = match(PATH.encode())
    assert found is not None
    assert found.chatflow_id == UUID(ID)
    assert set(found.routes) == {"POST"}
    assert found.is_api


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_matches_its_own_path(route: object) -> None:
    assert isinstance(route, type(ROUTES[0]))
    found = match(route.path.replace("{id}", ID).encode())
    assert found is not None
    assert found.routes[route.method] is route
    assert (found.chatflow_id is not None) == ("{id}" in route.path)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_head_is_answered_wherever_get_is(route: Route) -> None:
    found = match(route.path.replace("{id}", ID).encode())
    assert found is not None
    assert found.routes.get("HEAD") is found.routes.get("GET")


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/api/v1/", Family.FLOWISE),
        ("/API/v1/prediction/x", Family.FLOWISE),
        ("/v1/responses", Family.OPENAI),
        ("/V1/x", Family.OPENAI),
        ("/api/v1", None),
        ("/api/v2/x", None),
        ("/v1", None),
        ("/", None),
        ("/t/acme/v1/", None),
    ],
)
def test_a_path_that_the_table_lacks_has_the_form_of_its_prefix(
    path: str, family: Family | None
) -> None:
    assert family_of(path) is family


def test_what_runs_or_tells_of_a_chatflow_asks() -> None:
    asking = {route.path for route in ROUTES if isinstance(route.policy, Asks)}
    assert asking == {
        "/api/v1/prediction/{id}",
        "/api/v1/public-chatbotConfig/{id}",
        "/api/v1/chatmessage/abort/{id}/{chatId}",
        "/v1/models",
        "/v1/models/{id}",
        "/v1/chat/completions",
    }
    assert {route.path for route in ROUTES if route.is_recorded} == {
        "/api/v1/prediction/{id}",
        "/v1/chat/completions",
    }
    for route in ROUTES:
        if isinstance(route.policy, Open):
            assert route.policy.because
            assert route.method == "GET"


@pytest.mark.parametrize("policy", [None, Asks, Permission.PREDICTIONS_CREATE])
def test_a_route_without_a_policy_stops_the_start(policy: Any) -> None:
    with pytest.raises(TypeError, match="POST /a has no policy"):
        Route("POST", "/a", constants.ping, policy)


def test_the_nil_id_is_an_id() -> None:
    found = match(b"/api/v1/prediction/00000000-0000-0000-0000-000000000000")
    assert found is not None
    assert found.chatflow_id == UUID(int=0)


@given(st.binary())
def test_arbitrary_bytes_are_not_ours(path: bytes) -> None:
    assert match(path) is None or path == b"/livez"


@given(st.integers(0, len(PATH) - 1), st.integers(0, 255))
def test_one_changed_byte_is_another_id_or_not_ours(place: int, byte: int) -> None:
    changed = bytearray(PATH.encode())
    changed[place] = byte
    found = match(bytes(changed))
    if found is not None:
        assert place >= len("/api/v1/prediction/")
        assert bytes([byte]) in b"0123456789abcdef-"
        assert str(found.chatflow_id) == changed.decode()[-36:]


def test_a_conversations_id_is_decoded_once() -> None:
    found = match(f"/api/v1/chatmessage/abort/{ID}/joe+1%2F%252F".encode())
    assert found is not None
    assert (found.chatflow_id, found.chat_id) == (UUID(ID), "joe+1/%2F")
