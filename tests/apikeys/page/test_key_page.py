"""The page of a key: what it shows, who sees it, and where it is reached from."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team
from apikeys.models import ApiKey
from apikeys.services import keys
from chatflows.calls import store
from chatflows.models import Chatflow, PeriodCount, UsageHour
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db


def url(key: ApiKey) -> str:
    return f"/t/acme/keys/{key.id}/"


def text_of(browser: Client, key: ApiKey, query: str = "") -> str:
    response = browser.get(url(key) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_it_names_the_key_and_never_its_secret(as_vera: Client, integration: Integration) -> None:
    body = text_of(as_vera, integration.key)
    _, _, public_id, tail = integration.text.split("_")
    assert "crm-sync" in body
    assert public_id[:4] in body
    assert tail[:8] not in body
    assert "Whoever found this key could" in body


def test_a_key_of_another_team_is_like_one_that_never_was(
    as_alice: Client, globex: Team, integration: Integration
) -> None:
    foreign, _ = factories.key(globex, "theirs")
    keys.delete(deleted := factories.key(integration.key.team, "gone")[0], factories.TESTER)
    answers = {as_alice.get(f"/t/acme/keys/{each}/").status_code
               for each in (foreign.id, deleted.id, uuid4())}  # fmt: skip
    assert answers == {404}
    assert as_alice.get(f"/t/globex/keys/{foreign.id}/").status_code == 404


def test_a_viewer_sees_no_way_to_change_anything(as_vera: Client, integration: Integration) -> None:
    body = text_of(as_vera, integration.key)
    assert "Your role lets you look, not change." in body
    for words in ("Edit details", "Change limits", "Set limits", "Stop this key", "Save chatflows"):
        assert words not in body
    assert "History" not in body


def test_an_editor_sees_the_forms_and_no_audit_trail(
    as_eddie: Client, integration: Integration
) -> None:
    body = text_of(as_eddie, integration.key)
    assert "Edit details" in body
    assert "Save chatflows" in body
    assert "History" not in body


def test_without_a_fresh_login_the_chatflows_ask_for_the_password(
    eddie: object, integration: Integration
) -> None:
    stale = factories.client(eddie)  # type: ignore[arg-type]
    body = text_of(stale, integration.key)
    assert "Change chatflows…" in body
    assert "Save chatflows" not in body


def test_a_key_that_was_never_used_says_what_holds(
    as_alice: Client, integration: Integration
) -> None:
    body = text_of(as_alice, integration.key)
    for words in ("Nobody was seen using this text.", "No limit of its own.", "From anywhere.",
                  "Waiting for the first call", "No call in 14 days."):  # fmt: skip
        assert words in body
    assert f"{url(integration.key)}issue/" in body


def test_a_key_whose_calls_were_all_refused_was_seen(
    as_alice: Client, integration: Integration, faq: Chatflow
) -> None:
    refused = {"allowed": False, "status": 403, "code": "key_not_selected"}
    store.write([factories.call(faq, integration.key, **refused, reason="not_selected")])
    body = text_of(as_alice, integration.key)
    assert "1 refused" in body
    assert "Nobody was seen" not in body


def test_a_key_without_a_secret_offers_to_make_one(as_alice: Client, default_key: ApiKey) -> None:
    body = text_of(as_alice, default_key)
    assert "This key has no text that works" in body
    assert "no text yet" in body


def test_it_shows_calls_and_what_is_taken_of_limits(
    as_alice: Client, integration: Integration, faq: Chatflow, acme: Team
) -> None:
    key, now = integration.key, timezone.now()
    ApiKey.objects.filter(pk=key.pk).update(
        limit_day=1000, limit_budget=50_000_000_000, last_used_at=now, networks=["203.0.113.0/24"]
    )
    UsageHour.objects.create(
        team=acme, key_id=key.id, public_id="x", chatflow_id=faq.id, let_in=1234, refused=7,
        hour=now.replace(minute=0, second=0, microsecond=0), last_at=now,
    )  # fmt: skip
    for period, calls in ((f"{now:%Y-%m-%d}", 816), (f"{now:%Y-%m}", 9000)):
        PeriodCount.objects.create(
            team=acme, subject=key.id, period=period, calls=calls, cost=50_000_000_000
        )
    refused = {"allowed": False, "status": 429, "code": "rate_limited", "reason": "key_minute"}
    store.write([factories.call(faq, key), factories.call(faq, key, **refused)])
    body = text_of(as_alice, key)
    assert "1,235 calls let in over 14 days" in body  # with the one that was just recorded
    assert "81 %" in body
    assert "Used up" in body
    assert "of €50.00" in body  # as on the page of a chatflow
    assert "No limit" in body
    assert "rate_limited" in body
    assert "203.0.113.0/24" in body
    assert "Nobody was seen" not in body


def test_use_of_another_teams_key_is_never_shown(
    as_alice: Client, integration: Integration, globex: Team
) -> None:
    UsageHour.objects.create(
        team=globex, key_id=integration.key.id, public_id="x", chatflow_id=uuid4(), let_in=4321,
        hour=timezone.now().replace(minute=0, second=0, microsecond=0),
    )  # fmt: skip
    assert "4,321" not in text_of(as_alice, integration.key)


def test_history_is_the_keys_own(as_alice: Client, integration: Integration, acme: Team) -> None:
    other, _ = factories.key(acme, "other-key")
    keys.disable(integration.key, factories.TESTER)
    body = text_of(as_alice, integration.key)
    assert "disabled the key" in body
    assert "created the key" in body
    assert "other-key" not in body.partition('id="history"')[2]
    assert f"/t/acme/audit/?what={integration.key.id}" in body
    assert str(other.id) not in body


def test_selected_chatflows_stand_first_and_others_are_found_by_name(
    as_alice: Client, integration: Integration, acme: Team
) -> None:
    for n in range(60):
        factories.chatflow(acme, f"Flow {n:02}")
    body = text_of(as_alice, integration.key)
    assert body.index("Support FAQ", body.index('id="opens"')) < body.index("Flow 00")
    assert "Flow 49" in body
    assert "Flow 55" not in body  # 50 of the others stand here
    found = text_of(as_alice, integration.key, "?find=flow+55")
    assert "Flow 55" in found
    assert "Flow 49" not in found
    only = text_of(as_alice, integration.key, "?only=selected")
    assert "Support FAQ" in only
    assert "Flow 01" not in only


def test_every_place_that_names_a_key_links_to_its_page(
    as_alice: Client, integration: Integration, acme: Team, faq: Chatflow
) -> None:
    key = integration.key
    store.write([factories.call(faq, key)])
    places = [
        "/t/acme/keys/",
        f"/t/acme/keys/{key.id}/delete/",
        f"/t/acme/chatflows/{faq.id}/",
        "/t/acme/audit/",
    ]
    for place in places:
        assert f'href="{url(key)}"' in as_alice.get(place).content.decode(), place
    made = as_alice.post("/t/acme/keys/new/", {"name": "fresh", "expires": "never"})
    fresh = ApiKey.objects.get(name="fresh")
    assert f'href="{url(fresh)}"' in made.content.decode()


def test_the_audit_trail_does_not_link_to_deleted_keys(
    as_alice: Client, integration: Integration
) -> None:
    keys.delete(integration.key, factories.TESTER)
    body = as_alice.get("/t/acme/audit/").content.decode()
    assert "crm-sync" in body
    assert url(integration.key) not in body


def test_what_expires_says_when(as_alice: Client, integration: Integration) -> None:
    soon = timezone.now() + timedelta(days=90, hours=1)
    ApiKey.objects.filter(pk=integration.key.pk).update(expires_at=soon)
    assert "in 90 days" in text_of(as_alice, integration.key)


def test_revoking_ends_the_text_and_keeps_the_key(
    as_alice: Client, integration: Integration
) -> None:
    page = f"{url(integration.key)}revoke/"
    assert "Revoke the secret of crm-sync?" in as_alice.get(page).content.decode()
    assert as_alice.post(page)["Location"] == url(integration.key)
    key = ApiKey.objects.get(pk=integration.key.pk)
    assert key.secret is None
    assert key.deleted_at is None
    assert "This key has no text that works" in text_of(as_alice, key)


def test_a_viewer_cannot_revoke(as_vera: Client, integration: Integration) -> None:
    assert as_vera.post(f"{url(integration.key)}revoke/").status_code == 403
    assert ApiKey.objects.get(pk=integration.key.pk).secret is not None
