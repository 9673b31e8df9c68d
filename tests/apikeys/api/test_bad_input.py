"""What is no key, no body or no field of one is refused by its name, and changes nothing."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role, Team, User
from accounts.services import invitations
from apikeys.models import ApiKey
from tests import factories
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]
LONG = "x" * 50_000
SCOPES = ("apikeys:view", "apikeys:create", "apikeys:update", "predictions:create")


@pytest.fixture
def ours(acme: Team) -> Caller:
    return caller(acme, *SCOPES)


def with_one_changed(text: str) -> str:
    """The text with another character before its last."""
    return f"{text[:-2]}{'A' if text[-2] != 'A' else 'B'}{text[-1]}"


def test_nothing_but_the_text_of_a_key_is_a_key(
    ours: Caller, acme: Team, as_alice: Client, alice: User, default_key: ApiKey
) -> None:
    assert ours.key is not None
    secret = ours.key.secret
    assert secret is not None
    link = invitations.invite(acme, ["eve@example.com"], Role.EDITOR, TESTER)[0].link
    page = as_alice.get("/t/acme/keys/").content.decode()
    csrf_token = re.search('name="csrfmiddlewaretoken" value="(.+?)"', page)
    assert csrf_token is not None
    wrong = {
        "digest": secret.digest,
        "id": str(ours.key.id),
        "public id": secret.public_id,
        "hint": "{}{}…{}".format(*ours.key.hint_parts).replace("…", "..."),
        "session": as_alice.session.session_key,
        "CSRF token": csrf_token[1],
        "invitation": link.strip("/").rsplit("/", 1)[-1],
        "another product's key": "sk-proj-" + "a1B2" * 12,
        "a changed character": with_one_changed(ours.text),
        "a changed public id": ours.text.replace(secret.public_id, secret.public_id[::-1]),
        "a star": "*",
    }
    for what, text in wrong.items():
        answer = Caller(str(text))("GET", f"/apikey/{default_key.id}")
        assert answer.status_code == 401, what
        assert answer.json()["code"] == "invalid_token", what
        assert "error=" in answer.headers["WWW-Authenticate"], what


BODIES: list[tuple[bytes, int, str]] = [
    (b'{"name": "a", "name": "b"}', 400, "invalid_body"),
    (b'{"name": "a", "limits": {"streams": 1, "streams": 2}}', 400, "invalid_body"),
    (b'{"name": "a"', 400, "invalid_body"),
    (b'{"name": "\\ud800"}', 400, "invalid_body"),
    (b'{"name": "a", "limits": {"budget": NaN}}', 400, "invalid_body"),
    (b"[]", 422, "invalid_fields"),
    (b"null", 422, "invalid_fields"),
    (b"", 422, "invalid_fields"),
    (b'{"name": "' + b"x" * 100_000 + b'"}', 413, "too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BODIES, ids=lambda each: str(each)[:24])
def test_a_body_says_one_thing(ours: Caller, body: bytes, status: int, code: str) -> None:
    answer = ours("POST", "/apikey", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_another_media_type_is_refused(ours: Caller, media_type: str) -> None:
    answer = ours("POST", "/apikey", {"name": "a"}, content_type=media_type)
    assert answer.status_code == 415


FIELDS: list[tuple[dict[str, Any], str]] = [
    *(
        ({name: "x"}, name)
        for name in ("id", "team", "owner", "digest", "public_id", "created_by", "version")
    ),
    *(({"name": name}, "name") for name in ("", LONG, "a\u202eb", None, 7, ["a"])),
    ({"name": "automation"}, "name"),
    ({"name": "AUTOMATION"}, "name"),
    ({"name": "www.evil.example"}, "name"),
    ({"note": LONG}, "note"),
    ({"note": "x" * 301}, "note"),
    *(({"scopes": value}, "scopes") for value in ([], ["*"], ["members:update"], "all", None)),
    ({"scopes": ["apikeys:view", "apikeys:view"]}, "scopes"),
    ({"permissions": ["made:up"]}, "permissions"),
    ({"name": "a", "keyName": "b"}, "keyName"),
    ({"scopes": ["predictions:create"], "permissions": ["apikeys:view"]}, "permissions"),
    *(
        ({"expires_at": value}, "expires_at")
        for value in (
            *("2030-01-01T00:00:00", "2030-01-01", "1893456000", 1893456000, "soon"),
            *("2020-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2030-13-01T00:00:00Z"),
        )
    ),
    *(
        ({"limits": {"calls_per_day": value}}, "limits.calls_per_day")
        for value in (0, -1, 1.5, "5", True, 10**12)
    ),
    *(
        ({"limits": {"budget": value}}, "limits.budget")
        for value in (0, -1, "0.001", "1e99", True, "much")
    ),
    ({"limits": {"minute": 5}}, "limits.minute"),
    ({"networks": ["0.0.0.0/0"]}, "networks"),
    ({"networks": ["203.0.113.7/24"]}, "networks"),
    ({"networks": "203.0.113.0/24"}, "networks"),
    ({"origins": ["https://shop.acme.example/"]}, "origins"),
    ({"origins": None}, "origins"),
    ({"chatflows": ["x"]}, "chatflows.0"),
    ({"chatflows": None}, "chatflows"),
    ({"environment": "moon"}, "environment"),
    ({"contact": "mallory"}, "contact"),
    ({"rotate_every": 0}, "rotate_every"),
]


@pytest.mark.parametrize(("fields", "named"), FIELDS, ids=lambda each: str(each)[:40])
def test_a_field_that_cannot_be_taken_is_named(
    ours: Caller, mallory: User, fields: dict[str, Any], named: str
) -> None:
    target = factories.key(ours.key.team, "target")[0] if ours.key else None
    assert target is not None
    for method, path in (("POST", "/apikey"), ("PATCH", f"/apikey/{target.id}")):
        body = {"name": "other", **fields} if method == "POST" else fields
        answer = ours(method, path, body)
        assert answer.status_code == 422, answer.content
        assert named in [each["field"] for each in answer.json()["errors"]], answer.content
        assert LONG[:400] not in answer.content.decode()
    assert ApiKey.objects.filter(name="other").count() == 0
    target.refresh_from_db()
    assert (target.name, target.version) == ("target", 1)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "other"}, "kind"),
        ({"kind": "publishable"}, "chatflows"),
        ({"disabled": True}, "disabled"),
    ],
)
def test_a_field_of_a_new_key_is_named(ours: Caller, fields: dict[str, Any], named: str) -> None:
    answer = ours("POST", "/apikey", {"name": "other", **fields})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [named]


def test_an_idempotency_key_belongs_to_one_body(ours: Caller) -> None:
    sent = {"Idempotency-Key": "order-1"}
    assert ours("POST", "/apikey", {"name": "a"}, **sent).status_code == 201
    other = ours("POST", "/apikey", {"name": "b"}, **sent)
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"
    assert not ApiKey.objects.filter(name="b").exists()
