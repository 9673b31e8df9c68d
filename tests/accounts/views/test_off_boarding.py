"""Off-boarding: removing, leaving and the page of a member's keys ask what becomes of each key."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, Membership, Role, ServiceAccount, Team, User
from accounts.permissions import Actor
from accounts.services import members, off_boarding, service_accounts
from accounts.services.service_accounts import About
from apikeys.models import ApiKey, KeySecret
from apikeys.services import keys
from apikeys.services.life import rotation
from chatflows.models import Chatflow
from tests import factories
from tests.accounts.views.sheets import LEAVE, drawn, url, way

pytestmark = pytest.mark.django_db


def actor(person: User) -> Actor:
    return Actor("person", str(person.pk), person.username, "192.0.2.1")


def made_by(person: User, name: str, *opens: Chatflow) -> ApiKey:
    """A key whose text the person saw."""
    team = Team.objects.get(slug="acme")
    chosen = [chatflow.id for chatflow in opens]
    key, _ = keys.add(team, name, actor(person), created_by=person, opens=chosen)
    return key


def ends_at(key: ApiKey) -> datetime | None:
    return KeySecret.objects.filter(key=key).latest("pk").ends_at


def is_near(moment: datetime | None, ahead: timedelta) -> bool:
    """Whether a moment is about so far ahead."""
    return moment is not None and abs(moment - timezone.now() - ahead) < timedelta(minutes=1)


def is_usable(key: ApiKey) -> bool:
    return ApiKey.objects.usable().filter(pk=key.pk).exists()


def is_member(person: User) -> bool:
    return Membership.objects.filter(user=person, team__slug="acme").exists()


def actions(team: Team, kind: str) -> list[str]:
    events = AuditEvent.objects.filter(team_id=team.id, action__startswith=kind)
    return list(events.order_by("sequence").values_list("action", flat=True))


@pytest.fixture
def as_adam(adam: User) -> Client:
    return factories.client(adam, is_fresh=True)


@pytest.fixture
def crm(eddie: User, faq: Chatflow) -> ApiKey:
    """A key that eddie made, and whose text he saw."""
    return made_by(eddie, "crm-sync", faq)


def test_what_a_person_knows_begins_on_rotate_and_nothing_stops_at_once(
    as_adam: Client, crm: ApiKey, eddie: User, alice: User, acme: Team
) -> None:
    never_seen = made_by(eddie, "nightly")
    rotation.revoke_secrets(never_seen, factories.TESTER)
    keys.issue(never_seen, factories.TESTER, shown_to=alice)
    sent = drawn(as_adam, url(eddie, "remove"))
    assert (sent[way(crm)], sent[way(never_seen)], sent["overlap"]) == (
        "rotate",
        "keep",
        "24-hours",
    )
    page = as_adam.get(url(eddie, "remove")).content.decode()
    assert "knows the text of 1 of these keys" in page
    assert "Only key of Support FAQ" in page
    response = as_adam.post(url(eddie, "remove"), sent, follow=True)
    assert "eddie is no longer in the team" in response.content.decode()
    assert not is_member(eddie)
    assert is_usable(crm)
    assert is_near(ends_at(crm), timedelta(hours=24))
    assert (is_usable(never_seen), ends_at(never_seen)) == (True, None)
    assert audit.verify(acme.id) is None


def test_the_notice_names_what_waits_for_a_new_text(
    as_adam: Client, crm: ApiKey, eddie: User
) -> None:
    address = url(eddie, "remove")
    page = as_adam.post(address, drawn(as_adam, address), follow=True).content.decode()
    assert f'<a href="/t/acme/keys/{crm.id}/">crm-sync</a>' in page
    assert "Create the new one on the page of each" in page


@pytest.mark.parametrize("overlap", ["none", "24-hours", "7-days", "until-silent"])
def test_old_texts_end_after_the_overlap(
    as_adam: Client, crm: ApiKey, eddie: User, overlap: str
) -> None:
    address = url(eddie, "remove")
    as_adam.post(address, {**drawn(as_adam, address), "overlap": overlap})
    secret = KeySecret.objects.get(key=crm)
    assert secret.ends_at is not None
    assert is_usable(crm) == (overlap != "none")
    assert secret.ends_when_silent == (overlap == "until-silent")
    if overlap != "none":
        assert is_near(secret.ends_at, off_boarding.OVERLAPS[overlap])


def test_revoke_refuses_at_once_and_the_key_stays(
    as_adam: Client, crm: ApiKey, eddie: User, acme: Team
) -> None:
    address = url(eddie, "remove")
    as_adam.post(address, {**drawn(as_adam, address), way(crm): "revoke"})
    assert not is_usable(crm)
    assert ApiKey.objects.kept().filter(pk=crm.pk).exists()
    assert actions(acme, "api_key.rev") == ["api_key.revoke_secrets"]
    assert AuditEvent.objects.get(action="membership.off_board").after == {"revoked": ["crm-sync"]}


def test_keep_and_give_leave_the_text_and_say_that_the_person_knows_it(
    as_adam: Client, crm: ApiKey, eddie: User, vera: User
) -> None:
    second = made_by(eddie, "label-printer")
    address = url(eddie, "remove")
    sent = drawn(as_adam, address) | {way(crm): "keep", way(second): "give"}
    page = as_adam.post(address, sent | {f"{way(second)}-to": "vera"}, follow=True).content.decode()
    assert "eddie can go on calling with what was kept" in page
    assert is_usable(crm)
    assert is_usable(second)
    assert (ends_at(crm), ends_at(second)) == (None, None)
    second.refresh_from_db()
    assert (second.contact, second.created_by) == (vera, eddie)


def test_a_contact_who_is_gone_is_forgotten(
    as_adam: Client, eddie: User, acme: Team, alice: User
) -> None:
    key = made_by(alice, "bridge")
    ApiKey.objects.filter(pk=key.pk).update(contact=eddie)
    address = url(eddie, "remove")
    assert drawn(as_adam, address)[way(key)] == "keep"
    as_adam.post(address, drawn(as_adam, address))
    key.refresh_from_db()
    assert key.contact is None
    assert actions(acme, "api_key.forget") == ["api_key.forget_contact"]


def test_service_accounts_go_into_other_care(
    as_adam: Client, eddie: User, adam: User, acme: Team
) -> None:
    robot = service_accounts.create(
        acme, About("build-robot", "staging", owner=eddie), factories.TESTER
    )
    key, _ = keys.add(acme, "robot-1", factories.TESTER, service_account=robot)
    address = url(eddie, "remove")
    sent = drawn(as_adam, address)
    assert (sent[f"account-{robot.id}"], sent[f"account-{robot.id}-to"]) == ("give", "adam")
    assert "Staging" in as_adam.get(address).content.decode()
    as_adam.post(address, sent)
    robot.refresh_from_db()
    assert robot.owner == adam
    assert is_usable(key)
    assert actions(acme, "service_account.give") == ["service_account.give"]


def test_revoking_a_service_account_revokes_all_its_keys(
    as_adam: Client, eddie: User, acme: Team
) -> None:
    robot = service_accounts.create(
        acme, About("build-robot", "production", owner=eddie), factories.TESTER
    )
    held = [
        keys.add(acme, f"robot-{n}", factories.TESTER, service_account=robot)[0] for n in (1, 2)
    ]
    other, _ = keys.add(acme, "other", factories.TESTER)
    address = url(eddie, "remove")
    as_adam.post(address, {**drawn(as_adam, address), f"account-{robot.id}": "revoke"})
    assert [is_usable(key) for key in [*held, other]] == [False, False, True]


def test_whoever_leaves_sees_the_sheet_and_chooses(
    as_eddie: Client, eddie: User, crm: ApiKey, acme: Team
) -> None:
    page = as_eddie.get(LEAVE).content.decode()
    assert "You know the text of 1 of these keys" in page
    as_eddie.post(LEAVE, drawn(as_eddie, LEAVE))
    assert not is_member(eddie)
    assert ends_at(crm) is not None
    assert audit.verify(acme.id) is None


def test_a_viewer_who_leaves_sees_the_keys_and_chooses_nothing(
    eddie: User, alice: User, crm: ApiKey, acme: Team
) -> None:
    place = Membership.objects.get(user=eddie)
    members.change_role(place, Role.VIEWER, actor(alice))
    browser = factories.client(eddie)
    page = browser.get(LEAVE).content.decode()
    assert "Ask an admin to rotate it" in page
    assert 'type="radio"' not in page
    before = factories.state()
    assert browser.post(LEAVE, {**drawn(browser, LEAVE), way(crm): "revoke"}).status_code == 403
    assert factories.state() == before
    browser.post(LEAVE, drawn(browser, LEAVE))
    assert not is_member(eddie)
    assert (is_usable(crm), ends_at(crm)) == (True, None)


def test_the_keys_of_somebody_who_stays(as_adam: Client, eddie: User, crm: ApiKey) -> None:
    address = url(eddie, "keys")
    sent = drawn(as_adam, address)
    assert sent[way(crm)] == "rotate"
    assert as_adam.post(address, sent).status_code == 302
    assert is_member(eddie)
    assert ends_at(crm) is not None


def test_only_who_looks_after_members_sees_the_keys_of_one(
    as_eddie: Client, as_vera: Client, as_mallory: Client, eddie: User, crm: ApiKey
) -> None:
    address = url(eddie, "keys")
    statuses = [b.get(address).status_code for b in (as_eddie, as_vera, as_mallory)]
    assert statuses == [403, 403, 404]


def test_a_role_that_is_lowered_leads_to_the_keys(
    as_adam: Client, eddie: User, crm: ApiKey
) -> None:
    page = as_adam.get(url(eddie, "role")).content.decode()
    assert "knows the text of 1 key" in page
    assert url(eddie, "keys") in page


def test_somebody_without_keys_is_removed_by_one_button(as_adam: Client, vera: User) -> None:
    assert b"created no key here" in as_adam.get(url(vera, "remove")).content
    assert as_adam.post(url(vera, "remove")).status_code == 302
    assert not is_member(vera)


def test_an_account_that_nobody_is_asked_about_says_so(
    as_alice: Client, eddie: User, alice: User, acme: Team
) -> None:
    robot = service_accounts.create(
        acme, About("build-robot", "development", owner=eddie), factories.TESTER
    )
    members.remove(Membership.objects.get(user=eddie), actor(alice))
    page = as_alice.get(f"/t/acme/service-accounts/{robot.id}/").content.decode()
    assert "eddie has left the team" in page
    assert "env--development" in page
    assert ServiceAccount.objects.get(pk=robot.pk).owner == eddie
