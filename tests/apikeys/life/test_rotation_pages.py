"""The pages that rotate a key: the text is shown once, and the card says how both secrets fare."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from accounts.permissions import Permission
from apikeys.models import ApiKey, KeyPolicy, KeySecret
from apikeys.services.life import rotation
from chatflows.calls import store
from chatflows.models import Chatflow, UsageHour
from tests import factories
from tests.apikeys.pages import LIST, page
from tests.conftest import Integration

DAY = {"overlap": "24", "ends": "overlap"}
SPAN = timedelta(days=1)


def own(key: ApiKey) -> str:
    """The address of a key's own page."""
    return f"{LIST}{key.id}/"


def secrets(key: ApiKey) -> list[KeySecret]:
    """The secrets of a key, the oldest first."""
    return list(KeySecret.objects.filter(key=key).order_by("pk"))


def use(of: Integration, faq: Chatflow, text: str, hours_ago: int, calls: int = 3) -> None:
    """Calls that were let in with a text in one hour."""
    at = timezone.now() - timedelta(hours=hours_ago)
    UsageHour.objects.create(
        team=faq.team,
        key_id=of.key.id,
        public_id=text.split("_")[2],
        chatflow_id=faq.id,
        hour=at.replace(minute=0, second=0, microsecond=0),
        let_in=calls,
        last_at=at,
        last_address="203.0.113.21",
        last_client="flowise-sdk",
    )


def test_rotating_shows_the_new_text_once_and_says_when_the_old_one_ends(
    as_alice: Client, integration: Integration
) -> None:
    form = as_alice.get(page(integration.key.id, "rotate")).content.decode()
    assert "Rotate crm-sync" in form
    assert "The 1 chatflow that selects this key stays as it is." in form
    response = as_alice.post(page(integration.key.id, "rotate"), DAY)
    old, new = secrets(integration.key)
    body = response.content.decode()
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert f"flk_sk_{new.public_id}_" in body.replace("<i>", "").replace("</i>", "")
    assert old.ends_at is not None
    assert f"{old.ends_at.day} {old.ends_at:%B %Y, %H:%M} UTC" in body
    assert new.shown_to is not None
    assert new.shown_to.username == "alice"
    again = as_alice.get(own(integration.key)).content.decode()
    assert f"flk_sk_{new.public_id}_" not in again
    assert "Two secrets are live" in again
    assert "Rotating, 23 h left" in again


def test_the_list_shows_a_rotation_and_the_new_hint(
    as_alice: Client, integration: Integration
) -> None:
    as_alice.post(page(integration.key.id, "rotate"), DAY)
    body = as_alice.get(LIST).content.decode()
    assert "Rotating, 23 h left" in body
    assert secrets(integration.key)[-1].public_id[:4] in body


def test_a_second_rotation_is_refused_and_offers_to_end_the_old_secret(
    as_alice: Client, integration: Integration
) -> None:
    as_alice.post(page(integration.key.id, "rotate"), DAY)
    shown = as_alice.get(page(integration.key.id, "rotate")).content.decode()
    assert "Two secrets work already" in shown
    assert "End the old secret now" in shown
    assert as_alice.post(page(integration.key.id, "rotate"), DAY).status_code == 422
    assert len(secrets(integration.key)) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"overlap": "24"},
        {"ends": "overlap"},
        {"overlap": "-1", "ends": "overlap"},
        {"overlap": "25", "ends": "overlap"},
        {"overlap": "9223372036854775808", "ends": "overlap"},
        {"overlap": "24", "ends": "never"},
        {"overlap": "24\0", "ends": "overlap"},
        {**DAY, "expires_at": "2099-01-01"},
    ],
    ids=str,
)
def test_odd_fields_are_refused_and_nothing_is_made(
    as_alice: Client, integration: Integration, fields: dict[str, str]
) -> None:
    before = factories.dump()
    response = as_alice.post(page(integration.key.id, "rotate"), fields)
    assert response.status_code == 422
    assert b"error" in response.content or b"notice--bad" in response.content
    assert factories.dump() == before


def test_the_policy_leaves_only_overlaps_that_it_allows(
    as_alice: Client, integration: Integration
) -> None:
    KeyPolicy.objects.create(team=integration.key.team, longest_overlap=12)
    body = as_alice.get(page(integration.key.id, "rotate")).content.decode()
    assert "12 hours" in body
    assert "7 days\n" not in body
    assert as_alice.post(page(integration.key.id, "rotate"), DAY).status_code == 422


def test_rotating_asks_for_the_password_and_comes_back(
    alice: User, integration: Integration
) -> None:
    stale = factories.client(alice)
    for send in (stale.get, stale.post):
        response = send(page(integration.key.id, "rotate"))
        assert response.status_code == 302
        assert response["Location"].startswith("/reauthenticate/")
        assert "rotate" in response["Location"]
    assert len(secrets(integration.key)) == 1


def test_an_editor_does_not_rotate_a_key_that_holds_more_than_the_role(
    as_eddie: Client, integration: Integration
) -> None:
    ApiKey.objects.filter(pk=integration.key.pk).update(scopes=[Permission.AUDIT_VIEW])
    before = factories.state()
    assert as_eddie.get(page(integration.key.id, "rotate")).status_code == 403
    assert as_eddie.post(page(integration.key.id, "rotate"), DAY).status_code == 403
    assert factories.state() == before
    assert "change.refuse" in factories.dump()


def test_a_key_without_a_secret_has_nothing_to_rotate(
    as_alice: Client, default_key: ApiKey
) -> None:
    response = as_alice.get(page(default_key.id, "rotate"), follow=True)
    assert b"Create its secret first" in response.content
    assert secrets(default_key) == []


def test_the_card_says_whether_the_old_secret_is_safe_to_retire(
    as_alice: Client, integration: Integration, faq: Chatflow
) -> None:
    new = rotation.rotate(integration.key, factories.TESTER, overlap=7 * SPAN)
    assert "No call came with it since the rotation" in (
        as_alice.get(own(integration.key)).content.decode()
    )
    long_ago = timezone.now() - timedelta(hours=40)
    KeySecret.objects.update(ending_since=long_ago)
    use(integration, faq, integration.text, 26)
    use(integration, faq, new, 1, 412)
    body = as_alice.get(own(integration.key)).content.decode()
    assert "safe to retire" in body
    assert "412 in 24 h" in body
    assert "203.0.113.21" in body
    use(integration, faq, integration.text, 0)
    busy = as_alice.get(own(integration.key)).content.decode()
    assert "safe to retire" not in busy
    assert "3 in 24 h" in busy


def test_a_call_with_the_old_secret_is_not_the_first_call_of_the_new_one(
    as_alice: Client, integration: Integration, faq: Chatflow
) -> None:
    new = rotation.rotate(integration.key, factories.TESTER, overlap=SPAN)
    for text, arrived in ((integration.text, False), (new, True)):
        store.write([factories.call(faq, integration.key, public_id=text.split("_")[2])])
        body = as_alice.get(page(integration.key.id, "first-call")).content.decode()
        assert ("Your first call got in" in body) is arrived


def test_the_old_secret_is_ended_or_extended_by_a_button(
    as_alice: Client, integration: Integration
) -> None:
    as_alice.post(page(integration.key.id, "rotate"), DAY)
    ends_at = secrets(integration.key)[0].ends_at
    assert ends_at is not None
    as_alice.post(page(integration.key.id, "overlap"))
    assert secrets(integration.key)[0].ends_at == ends_at + SPAN
    said = as_alice.post(page(integration.key.id, "retire"), follow=True).content.decode()
    assert "The old secret of crm-sync ended." in said
    assert "Two secrets are live" not in said
    again = as_alice.post(page(integration.key.id, "retire"), follow=True).content.decode()
    assert "The old secret had ended already." in again
    late = as_alice.post(page(integration.key.id, "overlap"), follow=True).content.decode()
    assert "Nothing was extended." in late


def test_a_page_of_an_earlier_rotation_ends_no_secret_of_this_one(
    as_alice: Client, integration: Integration
) -> None:
    as_alice.post(page(integration.key.id, "rotate"), DAY)
    body = as_alice.get(own(integration.key)).content.decode()
    first, second = secrets(integration.key)
    drawn = {"secret": first.public_id}
    assert f'name="secret" value="{first.public_id}"' in body
    as_alice.post(page(integration.key.id, "retire"), drawn)
    as_alice.post(page(integration.key.id, "rotate"), DAY)
    said = as_alice.post(page(integration.key.id, "retire"), drawn, follow=True).content.decode()
    assert "The old secret had ended already." in said
    second.refresh_from_db()
    assert second in integration.key.secrets.filter(ends_at__gt=timezone.now())


@pytest.mark.parametrize("name", ["rotate", "extend"])
def test_a_key_that_ends_with_the_calendar_can_be_looked_at(
    as_alice: Client, integration: Integration, name: str
) -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    ApiKey.objects.filter(pk=integration.key.pk).update(expires_at=last)
    assert as_alice.get(page(integration.key.id, name)).status_code == 200
    assert as_alice.post(page(integration.key.id, "extend"), {"until": "365"}).status_code == 422


def test_revoking_says_what_it_closes_and_keeps_the_key(
    as_alice: Client, integration: Integration
) -> None:
    asked = as_alice.get(page(integration.key.id, "revoke")).content.decode()
    assert "Support FAQ" in asked
    assert as_alice.post(page(integration.key.id, "revoke")).status_code == 302
    key = ApiKey.objects.get(pk=integration.key.pk)
    assert key.secret is None
    assert key.deleted_at is None


def test_a_rotation_can_move_the_end_of_the_key(as_alice: Client, integration: Integration) -> None:
    now = timezone.now()
    KeySecret.objects.update(created_at=now - timedelta(days=87))
    ApiKey.objects.filter(pk=integration.key.pk).update(expires_at=now + timedelta(days=3))
    assert "Move it to" in as_alice.get(page(integration.key.id, "rotate")).content.decode()
    as_alice.post(page(integration.key.id, "rotate"), {**DAY, "moves_end": "on"})
    end = ApiKey.objects.get(pk=integration.key.pk).expires_at
    assert end is not None
    assert abs(end - now - timedelta(days=90)) < timedelta(minutes=5)


def test_a_rotation_without_that_wish_leaves_the_end(
    as_alice: Client, integration: Integration
) -> None:
    end = timezone.now() + timedelta(days=3)
    ApiKey.objects.filter(pk=integration.key.pk).update(expires_at=end)
    as_alice.post(page(integration.key.id, "rotate"), DAY)
    assert ApiKey.objects.get(pk=integration.key.pk).expires_at == end


def test_a_secret_that_was_let_end_asks_for_a_new_text(
    as_alice: Client, integration: Integration
) -> None:
    rotation.let_end(integration.key, factories.TESTER, overlap=SPAN)
    body = as_alice.get(own(integration.key)).content.decode()
    assert "Its text ends on" in body
    assert "Secret ends in 23 h" in body
    as_alice.post(page(integration.key.id, "rotate"), {**DAY, "overlap": "168"})
    old = secrets(integration.key)[0]
    assert old.ends_at is not None
    assert old.ends_at - timezone.now() < SPAN


POSTS = ["rotate", "retire", "overlap", "revoke"]


def test_vera_rotates_and_ends_nothing(as_vera: Client, integration: Integration) -> None:
    before = factories.state()
    for action in POSTS:
        assert as_vera.post(page(integration.key.id, action), DAY).status_code == 403
    assert factories.state() == before


def test_a_foreign_key_is_not_found(as_mallory: Client, as_alice: Client, globex: Team) -> None:
    foreign, _ = factories.key(globex, "foreign")
    for action in POSTS:
        url = page(foreign.id, action)
        assert as_alice.post(url, DAY).status_code == 404
        assert as_mallory.post(url, DAY).status_code == 404
    assert len(secrets(foreign)) == 1
