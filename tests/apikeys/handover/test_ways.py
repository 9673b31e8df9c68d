"""Who sees a new text: New key and Rotate offer a link for the holder, and so does the API."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.crypto import digests
from accounts.models import AuditEvent, Team, User
from apikeys.key_text import PATTERN
from apikeys.models import ApiKey, HandOver, KeyPolicy, KeySecret
from apikeys.services.life import hand_overs
from chatflows.models import Chatflow
from tests import factories
from tests.apikeys.pages import LIST, NEVER, NEW, page
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]

BY_LINK = {"way": "link", "lifetime": "7d", "holder": "Vera Sato", "passphrase": ""}
ROTATED = {"overlap": "24", "ends": "overlap", **BY_LINK}
DAY = timedelta(hours=24)


def token_of(body: str) -> str:
    token = body.partition("/key-link/")[2].partition("/")[0]
    assert token.startswith("fll_")
    return token


def take(token: str) -> str:
    return hand_overs.take(digests.link_token_digest(token), "", "192.0.2.7")[1]


def works(text: str) -> bool:
    return bool(Caller(text)("GET", "/apikey/self").status_code == 200)


def test_a_new_key_goes_to_its_holder_and_its_maker_sees_no_text(
    as_alice: Client, faq: Chatflow
) -> None:
    made = as_alice.post(NEW, {"name": "crm", "opens": [str(faq.id)], **NEVER, **BY_LINK})
    body = made.content.decode()
    assert (made.status_code, made["Cache-Control"]) == (200, "no-store")
    assert not PATTERN.search(body)
    key = ApiKey.objects.get(name="crm")
    assert set(key.chatflows.all()) == {faq}
    assert not KeySecret.objects.exists()
    link = HandOver.objects.get(key=key)
    assert (link.holder, link.ends_at - link.made_at > DAY * 6) == ("Vera Sato", True)
    assert "Vera Sato" in as_alice.get(f"{LIST}{key.id}/").content.decode()
    assert works(take(token_of(body)))


def test_no_key_is_left_of_a_link_that_is_refused(as_alice: Client, acme: Team) -> None:
    refused = as_alice.post(NEW, {"name": "crm", **NEVER, **BY_LINK, "passphrase": "short"})
    assert refused.status_code == 422
    assert "Use 6 to 200 characters, or none." in refused.content.decode()
    assert 'value="short"' in refused.content.decode()
    assert not ApiKey.objects.filter(name="crm").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("lifetime", "1y"), ("holder", "x" * 65), ("holder", "nul\0"), ("way", "mail")],
)
def test_a_link_that_is_wrong_makes_nothing(
    as_alice: Client, acme: Team, field: str, value: str
) -> None:
    refused = as_alice.post(NEW, {"name": "crm", **NEVER, **BY_LINK, field: value})
    assert refused.status_code == 422
    assert not ApiKey.objects.filter(name="crm").exists()


def test_a_text_that_is_shown_forgets_what_was_said_of_a_link(as_alice: Client, acme: Team) -> None:
    wrong = {**BY_LINK, "way": "show", "lifetime": "1y", "passphrase": "short"}
    shown = as_alice.post(NEW, {"name": "crm", **NEVER, **wrong})
    assert PATTERN.search(shown.content.decode())
    assert not HandOver.objects.exists()


def test_a_publishable_key_has_no_link(as_alice: Client, faq: Chatflow) -> None:
    terms = {"kind": "publishable", "pinned_to": str(faq.id), "origins": "https://a.example"}
    asked = {"name": "web", "limit_minute": "60", **terms, **NEVER, **BY_LINK, "lifetime": "1y"}
    shown = as_alice.post(NEW, asked, follow=True)
    assert "flk_pk_" in shown.content.decode()
    assert not HandOver.objects.exists()


def test_a_rotation_by_link_begins_when_the_text_is_taken(as_alice: Client, acme: Team) -> None:
    key, old = factories.key(acme, "crm")
    made = as_alice.post(page(key.id, "rotate"), {**ROTATED, "ends": "silent"})
    assert not PATTERN.search(made.content.decode())
    assert KeySecret.objects.get(key=key).ends_at is None
    new = take(token_of(made.content.decode()))
    assert works(old)
    assert works(new)
    before = key.secrets.order_by("pk")[0]
    assert before.ends_at is not None
    assert before.ends_when_silent
    assert DAY - timedelta(minutes=1) < before.ends_at - timezone.now() <= DAY


def test_hand_over_of_a_key_with_a_text_is_a_rotation(as_alice: Client, acme: Team) -> None:
    key, _ = factories.key(acme, "crm")
    answer = as_alice.get(page(key.id, "hand-over"))
    assert answer["Location"] == page(key.id, "rotate") + "?way=link"
    drawn = as_alice.get(answer["Location"]).content.decode()
    assert 'value="link" autocomplete="off" checked' in drawn


def test_the_end_moves_when_the_text_is_taken(as_alice: Client, acme: Team) -> None:
    key, _ = factories.key(acme, "crm")
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() + timedelta(days=1))
    KeySecret.objects.filter(key=key).update(created_at=timezone.now() - timedelta(days=60))
    made = as_alice.post(page(key.id, "rotate"), {**ROTATED, "moves_end": "on"})
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())  # while the link waits
    new = take(token_of(made.content.decode()))
    assert works(new)
    key.refresh_from_db()
    assert key.expires_at is not None
    assert key.expires_at > timezone.now() + timedelta(days=59)


def test_a_policy_that_is_tightened_while_a_link_waits_holds(acme: Team) -> None:
    key, _ = factories.key(acme, "crm")
    week = timedelta(days=7)
    _, token = hand_overs.make(key, TESTER, lifetime=DAY, overlap=week)
    KeyPolicy.objects.update_or_create(team=acme, defaults={"longest_overlap": 1})
    take(token)
    ends_at = key.secrets.order_by("pk")[0].ends_at
    assert ends_at is not None
    assert ends_at < timezone.now() + week


def test_a_program_makes_a_key_whose_text_it_never_sees(acme: Team, faq: Chatflow) -> None:
    robot = caller(acme, "apikeys:create", "chatflows:update", "predictions:create")
    asked = {"name": "crm", "chatflows": [str(faq.id)], "hand_over": {"holder": "Vera"}}
    made = robot("POST", "/apikey", asked, **{"Idempotency-Key": "one"})
    assert made.status_code == 201, made.content
    answer = made.json()
    assert (answer["api_key"], answer["status"], answer["secrets"]) == (None, "unissued", [])
    again = robot("POST", "/apikey", asked, **{"Idempotency-Key": "one"})
    assert "hand_over_url" not in again.json()
    assert works(take(token_of(answer["hand_over_url"])))
    assert AuditEvent.objects.filter(action="api_key.take_hand_over").count() == 1


def test_a_program_is_told_what_is_wrong_with_the_link(acme: Team) -> None:
    robot = caller(acme, "apikeys:create", "predictions:create")
    for hand_over in ({"passphrase": "short"}, {"lifetime": "1y"}, {"text": "mine"}):
        refused = robot("POST", "/apikey", {"name": "crm", "hand_over": hand_over})
        assert refused.status_code == 422, refused.content
        assert refused.json()["errors"][0]["field"].endswith(next(iter(hand_over)))
    assert not ApiKey.objects.filter(name="crm").exists()


def test_a_viewer_makes_no_link(acme: Team, vera: User) -> None:
    key, _ = factories.key(acme, "crm")
    client = factories.client(vera, is_fresh=True)
    for path in (NEW, page(key.id, "rotate"), page(key.id, "hand-over")):
        assert client.post(path, {"name": "new", **NEVER, **ROTATED}).status_code == 403
    assert not HandOver.objects.exists()
