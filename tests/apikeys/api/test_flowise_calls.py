"""Flowise's own calls of its key endpoints, as its pages send them: what works, what differs."""

from typing import Any

import pytest

from accounts.models import Team
from accounts.permissions import SCOPES
from apikeys.api import flowise
from tests.config.openapi.callers import Caller, caller

pytestmark = [pytest.mark.django_db, pytest.mark.fast]
# What the key dialog of Flowise 3.1 sends with every box of chatflows and tools ticked.
TICKED = [
    *("chatflows:view", "chatflows:create", "chatflows:update", "chatflows:duplicate"),
    *("chatflows:delete", "chatflows:export", "chatflows:import", "chatflows:config"),
    *("chatflows:domains", "tools:view", "tools:create"),
]


@pytest.fixture
def ours(acme: Team) -> Caller:
    return caller(acme, *SCOPES)


def created(ours: Caller, **body: Any) -> Any:
    answer = ours("POST", "/apikey", body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_there_are_the_83_permissions_of_flowise() -> None:
    assert len(flowise.PERMISSIONS) == 83


def test_create_takes_flowises_body_and_names_what_it_ignores(ours: Caller) -> None:
    key = created(ours, keyName="from-flowise", permissions=TICKED)
    assert key["keyName"] == key["name"] == "from-flowise"
    assert (
        key["permissions"]
        == key["scopes"]
        == [
            *("chatflows:create", "chatflows:delete", "chatflows:update", "chatflows:view"),
        ]
    )
    assert key["ignored_permissions"] == [
        *("chatflows:duplicate", "chatflows:export", "chatflows:import", "chatflows:config"),
        *("chatflows:domains", "tools:view", "tools:create"),
    ]
    assert key["apiKey"] == key["api_key"]
    assert "apiSecret" not in key


@pytest.mark.parametrize("permissions", [None, [], ["tools:view"]])
def test_a_key_without_permissions_of_ours_calls_predictions(
    ours: Caller, permissions: list[str] | None
) -> None:
    sent = {} if permissions is None else {"permissions": permissions}
    assert created(ours, keyName="old", **sent)["scopes"] == ["predictions:create"]


def test_list_and_update_and_delete_as_flowise_calls_them(ours: Caller) -> None:
    key = created(ours, keyName="before", permissions=["chatflows:view"])
    listed = ours("GET", "/apikey").json()
    assert {"before"} <= {each["keyName"] for each in listed}
    assert all(each["apiKey"] is None and "apiSecret" not in each for each in listed)
    path = f"/apikey/{key['id']}"
    sent = {"keyName": "after", "permissions": ["chatflows:view", "apikeys:view"]}
    changed = ours("PUT", path, sent).json()
    assert (changed["keyName"], changed["permissions"]) == (
        "after",
        ["apikeys:view", "chatflows:view"],
    )
    assert ours("DELETE", path).json() == {"raw": [], "affected": 1}


def test_what_differs_from_flowise_on_purpose(ours: Caller) -> None:
    nameless = ours("POST", "/apikey", {"permissions": []})
    assert nameless.status_code == 422  # Flowise: 412
    no_list = ours("POST", "/apikey", {"keyName": "a", "permissions": "chatflows:view"})
    assert no_list.json()["errors"][0]["field"] == "permissions"  # Flowise: 412
    assert ours("GET", "/apikey?page=1&limit=10").status_code == 400  # Flowise: {total, data}
    assert ours("POST", "/apikey/import", {"jsonFile": ""}).status_code in (404, 405)
    text = created(ours, keyName="b")["api_key"]
    assert text not in ours("GET", "/apikey").content.decode()  # Flowise: every text
