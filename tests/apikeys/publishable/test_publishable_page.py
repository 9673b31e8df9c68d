"""The page of a publishable key: its text at any time, its web pages, its chatflow."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, Team, User
from apikeys.models import ApiKey
from apikeys.services.life import rotation
from chatflows.models import Chatflow, OriginDay
from chatflows.services import chatflows
from tests import factories
from tests.conftest import Integration
from tests.forms import send

pytestmark = pytest.mark.django_db

Named = tuple[ApiKey, str]


@pytest.fixture
def shop(acme: Team, faq: Chatflow) -> Named:
    """A publishable key for `faq`, and its text."""
    return factories.publishable(acme, "web-shop", faq)


def at(name: str, key: ApiKey, team: str = "acme") -> str:
    return reverse(name, args=[team, key.id])


def page(client: Client, key: ApiKey) -> str:
    return client.get(at("key_page", key)).content.decode()


def refused(key: ApiKey, origin: str, count: int) -> None:
    now = timezone.now()
    OriginDay.objects.create(
        team=key.team, key_id=key.id, origin=origin, day=now.date(), refused=count, last_at=now
    )


def add(client: Client, key: ApiKey, origin: str, **more: Any) -> HttpResponse:
    return client.post(at("key_add_origin", key), {"origin": origin}, **more)  # type: ignore[return-value]


def test_a_viewer_sees_the_text_any_time_and_nothing_keeps_the_page(
    as_vera: Client, shop: Named
) -> None:
    key, text = shop
    for _ in range(2):
        answer = as_vera.get(at("key_page", key))
        assert text in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
    assert "Everyone can read this key." in answer.content.decode()
    assert "What it does not protect from" in answer.content.decode()


def test_a_viewer_is_offered_no_change_and_may_make_none(
    as_vera: Client, shop: Named, faq: Chatflow
) -> None:
    key, _ = shop
    refused(key, "https://preview.acme.example", 14)
    shown = page(as_vera, key)
    assert "Add web page" not in shown
    assert "Add this page" not in shown
    assert "Pin it to another" not in shown
    assert add(as_vera, key, "https://b.example").status_code == 403
    assert as_vera.post(at("key_remove_origin", key)).status_code == 403
    assert send(as_vera, at("key_pin", key), {"chatflow": faq.id}).status_code == 403


def test_during_a_rotation_both_texts_are_shown(as_eddie: Client, shop: Named) -> None:
    key, old = shop
    new = rotation.rotate(key, factories.TESTER, overlap=timedelta(hours=1))
    shown = page(as_eddie, key)
    assert shown.index(new) < shown.index(old)


def test_a_new_text_is_shown_on_the_page_and_not_once(as_eddie: Client, shop: Named) -> None:
    key, old = shop
    form = {"overlap": "0", "ends": "overlap"}
    answer = as_eddie.post(at("key_rotate", key), form, follow=True)
    assert answer.redirect_chain == [(at("key_page", key), 302)]
    assert "flk_pk_" in answer.content.decode()
    assert "Shown once" not in answer.content.decode()
    assert old not in answer.content.decode()


def test_a_text_that_cannot_be_read_leaves_the_page_whole(as_eddie: Client, shop: Named) -> None:
    key, text = shop
    key.secrets.update(key_version=99)
    shown = page(as_eddie, key)
    assert "can&#x27;t be read now" in shown or "can't be read now" in shown
    assert text not in shown
    assert "Web pages that may use it" in shown


def test_a_secret_keys_page_has_no_text(as_alice: Client, integration: Integration) -> None:
    shown = page(as_alice, integration.key)
    assert integration.text not in shown
    assert "Web pages that may use it" not in shown
    assert "Pinned to" not in shown


def test_an_editor_adds_a_web_page_and_takes_it_away(as_eddie: Client, shop: Named) -> None:
    key, _ = shop
    answer = add(as_eddie, key, "https://Help.Acme.example:443", follow=True)
    assert "https://help.acme.example" in answer.content.decode()
    key.refresh_from_db()
    assert key.origins == [factories.ORIGIN, "https://help.acme.example"]
    as_eddie.post(at("key_remove_origin", key), {"origin": factories.ORIGIN})
    key.refresh_from_db()
    assert key.origins == ["https://help.acme.example"]


@pytest.mark.parametrize("origin", ["*", "https://*.com", "javascript:x", "https://a.example/x"])
def test_a_bad_origin_is_refused_with_the_field_named(
    as_eddie: Client, shop: Named, origin: str
) -> None:
    before = factories.state()
    answer = add(as_eddie, shop[0], origin)
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert 'id="origin_error"' in shown
    assert f'value="{origin}"' in shown
    assert factories.state() == before


def test_the_last_web_page_is_not_taken_away(as_eddie: Client, shop: Named) -> None:
    answer = as_eddie.post(at("key_remove_origin", shop[0]), {"origin": factories.ORIGIN})
    assert answer.status_code == 422
    shop[0].refresh_from_db()
    assert shop[0].origins == [factories.ORIGIN]


def test_a_refused_origin_is_offered_with_its_count_until_it_is_added(
    as_eddie: Client, shop: Named
) -> None:
    key, _ = shop
    refused(key, "https://preview.acme.example", 14)
    refused(key, "null", 99)
    refused(key, "https://*.acme.example", 99)
    refused(key, factories.ORIGIN, 99)
    shown = page(as_eddie, key)
    assert "was refused 14 times" in " ".join(shown.split())
    assert shown.count("Add this page") == 1
    add(as_eddie, key, "https://preview.acme.example")
    assert "Add this page" not in page(as_eddie, key)


def test_it_is_pinned_to_another_chatflow(as_eddie: Client, shop: Named, acme: Team) -> None:
    key, _ = shop
    other = factories.chatflow(acme, "Product finder")
    assert "Product finder" in as_eddie.get(at("key_pin", key)).content.decode()
    answer = send(as_eddie, at("key_pin", key), {"chatflow": other.id}, follow=True)
    assert answer.redirect_chain == [(at("key_page", key), 302)]
    key.refresh_from_db()
    assert key.pinned_to == other.id


@pytest.mark.parametrize("chatflow_id", ["", "x", str(factories.NOBODYS_ID), "foreign"])
def test_it_is_pinned_to_nothing_else(
    as_eddie: Client, shop: Named, globex: Team, faq: Chatflow, chatflow_id: str
) -> None:
    foreign = factories.chatflow(globex, "Theirs").id
    chosen = foreign if chatflow_id == "foreign" else chatflow_id
    answer = send(as_eddie, at("key_pin", shop[0]), {"chatflow": chosen})
    assert answer.status_code == 422
    assert "Choose the one chatflow" in answer.content.decode()
    assert "Theirs" not in answer.content.decode()
    shop[0].refresh_from_db()
    assert shop[0].pinned_to == faq.id


def test_to_pin_asks_for_the_password_again(eddie: User, shop: Named, faq: Chatflow) -> None:
    stale = factories.client(eddie)
    answer = send(stale, at("key_pin", shop[0]), {"chatflow": faq.id})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/reauthenticate/")


def test_a_stranger_finds_none_of_it(as_mallory: Client, globex: Team, shop: Named) -> None:
    key, _ = shop
    for name in ("key_page", "key_pin", "key_add_origin", "key_remove_origin"):
        for team in ("acme", globex.slug):
            for method in (as_mallory.get, as_mallory.post):
                status = method(at(name, key, team)).status_code
                assert status in (404, 405), (name, team)


def test_a_deleted_chatflow_is_told_of(as_eddie: Client, shop: Named, faq: Chatflow) -> None:
    chatflows.delete(faq, factories.TESTER)
    shown = page(as_eddie, shop[0])
    assert "Its chatflow was deleted." in shown
    assert as_eddie.get(at("key_pin", shop[0])).status_code == 200


def test_no_access_page_of_another_chatflow_offers_it(
    as_eddie: Client, shop: Named, acme: Team, faq: Chatflow
) -> None:
    other = factories.chatflow(acme, "Product finder")
    mine, theirs = (
        as_eddie.get(reverse("chatflow_access", args=["acme", flow.id])).content.decode()
        for flow in (faq, other)
    )
    assert "web-shop" in mine
    assert "web-shop" not in theirs
    form = {"mode": "keys", "keys": [str(shop[0].id)], "version": other.version}
    answer = as_eddie.post(reverse("chatflow_access_save", args=["acme", other.id]), form)
    assert answer.status_code == 422


def test_no_deletion_offers_it_as_a_replacement(
    as_eddie: Client, shop: Named, integration: Integration
) -> None:
    shown = as_eddie.get(at("key_delete", integration.key)).content.decode()
    assert "web-shop" not in shown


def test_an_admin_of_two_teams_finds_it_in_its_own(adam: User, globex: Team, shop: Named) -> None:
    factories.join(globex, adam, Role.ADMIN)
    browser = factories.client(adam, is_fresh=True)
    foreign = [
        browser.get(reverse("key_page", args=[globex.slug, key_id]))
        for key_id in (shop[0].id, UUID(int=7))
    ]
    texts = [factories.without_id_and_time(answer) for answer in foreign]  # type: ignore[arg-type]
    assert [answer.status_code for answer in foreign] == [404, 404]
    assert texts[0].replace(str(shop[0].id), "-") == texts[1].replace(str(UUID(int=7)), "-")
