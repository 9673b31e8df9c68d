"""Recipients: mails about a key reach its contact and the admins, and nobody who left the team."""

import pytest
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apikeys.models import ApiKey
from apikeys.services import recipients
from tests import factories

pytestmark = pytest.mark.django_db

ALICE, ADAM, EDDIE = "alice@example.com", "adam@example.com", "eddie@example.com"


@pytest.fixture
def key(acme: Team, alice: User, adam: User) -> ApiKey:
    """A key of acme, which alice owns and adam administers."""
    made, _ = factories.key(acme, "crm-sync")
    return made


@pytest.mark.usefixtures("eddie", "vera", "mallory")
def test_owners_and_admins_get_every_mail(key: ApiKey) -> None:
    assert recipients.of_key(key) == [ALICE, ADAM]
    assert recipients.of_team(key.team) == [ALICE, ADAM]


def test_a_contact_comes_first_and_only_once(key: ApiKey, eddie: User, adam: User) -> None:
    key.contact = eddie
    assert recipients.of_key(key) == [EDDIE, ALICE, ADAM]
    key.contact = adam
    assert recipients.of_key(key) == [ADAM, ALICE]


def test_a_contact_who_left_the_team_gets_nothing(key: ApiKey, eddie: User) -> None:
    key.contact = eddie
    Membership.objects.filter(team=key.team, user=eddie).delete()
    assert recipients.of_key(key) == [ALICE, ADAM]


@pytest.mark.usefixtures("globex")
def test_a_stranger_as_contact_gets_nothing(key: ApiKey, mallory: User) -> None:
    key.contact = mallory
    assert recipients.of_key(key) == [ALICE, ADAM]


def test_an_address_counts_only_once_it_is_confirmed(key: ApiKey) -> None:
    key.contact_email = "ops@example.net"
    assert recipients.of_key(key) == [ALICE, ADAM]
    key.contact_confirmed_at = timezone.now()
    assert recipients.of_key(key) == ["ops@example.net", ALICE, ADAM]
    key.contact_email = "ALICE@example.com"
    assert recipients.of_key(key) == ["ALICE@example.com", ADAM]


def test_a_member_as_contact_goes_before_an_address(key: ApiKey, eddie: User) -> None:
    key.contact, key.contact_email = eddie, "ops@example.net"
    key.contact_confirmed_at = timezone.now()
    assert "ops@example.net" not in recipients.of_key(key)


def test_who_is_no_longer_active_gets_nothing(key: ApiKey, adam: User) -> None:
    User.objects.filter(pk=adam.pk).update(is_active=False)
    assert recipients.of_key(key) == [ALICE]


def test_a_former_admin_gets_nothing(key: ApiKey, adam: User) -> None:
    Membership.objects.filter(user=adam).update(role=Role.EDITOR)
    assert recipients.of_team(key.team) == [ALICE]
