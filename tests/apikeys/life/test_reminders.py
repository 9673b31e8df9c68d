"""Mails before a key ends, and reminders to rotate: the right ones, to the right people, once."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Event

import pytest
from django.test import override_settings

from accounts.mail import outbox
from accounts.models import Mail, Team, User
from apikeys.models import ApiKey, KeyPolicy, KeySecret, Notice
from apikeys.services import keys
from apikeys.services.life import expiry, reminders, rotation
from tests import factories
from tests.apikeys.life.clocks import Clock
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def mail_server() -> Iterator[None]:
    with override_settings(MAIL_SERVER={"EMAIL_HOST": "mail.invalid"}):
        yield


def run() -> list[Mail]:
    """Let the worker's job run, and return the mails that it queued."""
    known = set(Mail.objects.values_list("pk", flat=True))
    reminders.send_due(Event())
    return list(Mail.objects.exclude(pk__in=known).order_by("pk"))


def ending(team: Team, name: str, clock: Clock, left: timedelta) -> ApiKey:
    """A key that was made long ago and ends in some time."""
    key, _ = factories.key(team, name)
    made_at = clock.now - 300 * DAY
    ApiKey.objects.filter(pk=key.pk).update(expires_at=clock.now + left, created_at=made_at)
    KeySecret.objects.filter(key=key).update(created_at=made_at)
    return key


def test_three_mails_go_out_before_the_end_each_of_them_once(
    acme: Team, alice: User, clock: Clock
) -> None:
    key = ending(acme, "crm-sync", clock, 32 * DAY)
    days_left = []
    for _ in range(34 * 2):
        for _mail in run():
            left = ApiKey.objects.get(pk=key.pk).expires_at
            assert left is not None
            days_left.append((left - clock.now) // DAY)
        clock.put(12 * HOUR)
    assert days_left == [30, 7, 1]


def test_the_mail_names_the_key_its_end_in_utc_and_its_page(
    acme: Team, alice: User, clock: Clock
) -> None:
    key = ending(acme, "crm-sync", clock, 7 * DAY)
    (mail,) = run()
    text, html = outbox.body(mail)
    end = ApiKey.objects.get(pk=key.pk).expires_at
    assert end is not None
    assert mail.subject == f"crm-sync of Acme expires on {end.day} {end:%B %Y}"
    for part in (text, html):
        assert f"{end.day} {end:%B %Y, %H:%M} UTC" in part
        assert f"/t/acme/keys/{key.id}/" in part
        assert "An API key of" in part


def test_after_days_without_a_worker_only_the_nearest_notice_goes(
    acme: Team, alice: User, clock: Clock
) -> None:
    ending(acme, "crm-sync", clock, 12 * HOUR)
    assert len(run()) == 1
    clock.put(HOUR)
    assert run() == []


def test_what_is_due_at_one_time_goes_in_one_mail_to_each_address(
    acme: Team, alice: User, adam: User, clock: Clock
) -> None:
    for name in ("one", "two", "three"):
        ending(acme, name, clock, 6 * DAY)
    mails = run()
    assert {mail.recipient for mail in mails} == {alice.email, adam.email}
    assert len(mails) == 2
    assert mails[0].subject == "3 API keys of Acme expire soon"
    assert Notice.objects.filter(kind="key_expiry").count() == 3


def test_a_confirmed_contact_gets_the_mail_and_an_unconfirmed_one_does_not(
    acme: Team, alice: User, clock: Clock
) -> None:
    known = ending(acme, "known", clock, 6 * DAY)
    unknown = ending(acme, "unknown", clock, 6 * DAY)
    ApiKey.objects.filter(pk=known.pk).update(
        contact_email="ops@partner.example", contact_confirmed_at=clock.now
    )
    ApiKey.objects.filter(pk=unknown.pk).update(contact_email="eve@partner.example")
    by_address = {mail.recipient: mail for mail in run()}
    assert set(by_address) == {alice.email, "ops@partner.example"}
    assert by_address["ops@partner.example"].subject.startswith("known of Acme")


@pytest.mark.parametrize(
    "state", ["disabled", "deleted", "suspended", "no secret", "expired", "no end", "new"]
)
def test_no_mail_goes_out_about_a_key_that_opens_nothing_or_was_just_made(
    acme: Team, alice: User, clock: Clock, state: str
) -> None:
    key = ending(acme, "crm-sync", clock, 6 * DAY)
    mine = ApiKey.objects.filter(pk=key.pk)
    if state == "disabled":
        keys.disable(key, factories.TESTER)
    elif state == "deleted":
        keys.delete(key, factories.TESTER)
    elif state == "suspended":
        Team.objects.filter(pk=acme.pk).update(suspended_at=clock.now)
    elif state == "no secret":
        rotation.revoke_secrets(key, factories.TESTER)
    elif state == "expired":
        mine.update(expires_at=clock.now)
    elif state == "no end":
        mine.update(expires_at=None)
    else:
        mine.update(created_at=clock.now)
    assert run() == []
    assert not Notice.objects.exists()


def test_an_extended_key_is_told_about_again_before_its_new_end(
    acme: Team, alice: User, clock: Clock
) -> None:
    key = ending(acme, "crm-sync", clock, 7 * DAY)
    assert len(run()) == 1
    expiry.set_end(key, clock.now + 90 * DAY, factories.TESTER)
    assert run() == []
    clock.put(60 * DAY)
    assert len(run()) == 1


def test_at_most_one_mail_a_day_about_the_end_of_a_key(
    acme: Team, alice: User, clock: Clock
) -> None:
    key = ending(acme, "crm-sync", clock, 7 * DAY)
    assert len(run()) == 1
    ApiKey.objects.filter(pk=key.pk).update(expires_at=clock.now + DAY)  # by a policy
    clock.put(HOUR)
    assert run() == []
    clock.put(23 * HOUR - timedelta(minutes=1))
    assert run() == []
    ApiKey.objects.filter(pk=key.pk).update(expires_at=clock.now + HOUR)
    clock.put(timedelta(minutes=1))
    assert len(run()) == 1


def test_without_a_mail_server_the_notices_stay_due(acme: Team, alice: User, clock: Clock) -> None:
    ending(acme, "crm-sync", clock, 7 * DAY)
    with override_settings(MAIL_SERVER=None):
        assert run() == []
    assert len(run()) == 1


def test_a_secret_is_due_after_its_interval_and_again_after_another(
    integration: Integration, alice: User, clock: Clock
) -> None:
    ApiKey.objects.filter(pk=integration.key.pk).update(rotate_every=30)
    assert run() == []
    clock.put(30 * DAY)
    (mail,) = run()
    assert mail.subject == "crm-sync of Acme is due to be rotated"
    clock.put(29 * DAY)
    assert run() == []
    clock.put(DAY)
    assert len(run()) == 1


def test_a_rotation_ends_the_reminders_until_the_next_interval(
    integration: Integration, alice: User, clock: Clock
) -> None:
    ApiKey.objects.filter(pk=integration.key.pk).update(rotate_every=30)
    clock.put(30 * DAY)
    assert len(run()) == 1
    rotation.rotate(integration.key, factories.TESTER, overlap=DAY)
    clock.put(30 * DAY)
    assert len(run()) == 1
    assert KeySecret.objects.filter(key=integration.key).count() == 2


def test_the_policy_gives_an_interval_to_keys_that_have_none(
    integration: Integration, alice: User, clock: Clock, globex: Team
) -> None:
    factories.key(globex, "theirs")
    factories.key(integration.key.team, "rarely")
    ApiKey.objects.filter(name="rarely").update(rotate_every=365)
    KeyPolicy.objects.create(team=integration.key.team, rotate_every=90)
    clock.put(90 * DAY)
    (mail,) = run()
    assert mail.subject == "crm-sync of Acme is due to be rotated"


def test_the_second_of_two_workers_sends_nothing(acme: Team, alice: User, clock: Clock) -> None:
    ending(acme, "crm-sync", clock, 7 * DAY)
    due = list(reminders.expiring(clock.now).with_status())
    assert len(run()) == 1
    with pytest.raises(Exception, match=r"(?i)unique"):
        reminders._tell(reminders.EXPIRY, acme, due, reminders._end)
    assert Mail.objects.count() == 1


def test_an_address_of_old_that_no_mail_can_go_to_holds_up_nobody_else(
    acme: Team, alice: User, adam: User, clock: Clock
) -> None:
    User.objects.filter(pk=alice.pk).update(email="no address")
    ending(acme, "crm-sync", clock, 5 * DAY)
    assert [mail.recipient for mail in run()] == [adam.email]
    assert run() == []
