"""Teams: a slug of its own, and rows of one team only."""

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, Membership, Team, User
from accounts.services import teams
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme", "acme"),
        ("Acme & Söhne GmbH", "acme-sohne-gmbh"),
        ("🔑🔑", "team"),
        ("<script>", "script"),
        ("---", "team"),
        ("x" * 80, "x" * 40),
        ("a" * 39 + " b", "a" * 39),
        ("東京", "team"),
    ],
)
def test_a_slug_is_made_of_the_name_and_makes_a_url(name: str, slug: str) -> None:
    team = teams.create(name, factories.TESTER)
    assert team.slug == slug
    assert reverse("chatflow_list", args=[team.slug])


def test_a_second_team_of_the_name_gets_a_number() -> None:
    slugs = [teams.create("Acme", factories.TESTER).slug for _ in range(3)]
    assert slugs == ["acme", "acme-2", "acme-3"]


def test_renaming_changes_name_and_slug_and_is_written_down(acme: Team) -> None:
    teams.rename_with_slug(acme, "Initech", factories.TESTER)
    assert Team.objects.get(pk=acme.pk).slug == "initech"
    event = AuditEvent.objects.filter(team_id=acme.id).latest("sequence")
    assert event.before == {"name": "Acme", "slug": "acme"}
    assert event.after == {"name": "Initech", "slug": "initech"}


def test_renaming_to_the_same_changes_nothing(acme: Team) -> None:
    before = factories.dump()
    teams.rename_with_slug(acme, "Acme", factories.TESTER)
    assert factories.dump() == before


def test_renaming_to_a_name_of_the_same_slug_keeps_the_slug(acme: Team) -> None:
    teams.rename_with_slug(acme, "ACME!", factories.TESTER)
    assert acme.slug == "acme"


def test_rows_of_one_team_are_of_that_team(alice: User, acme: Team, globex: Team) -> None:
    assert list(acme.memberships.values_list("user__username", flat=True)) == ["alice"]
    assert list(
        Membership.objects.filter(team=globex).values_list("user__username", flat=True)
    ) == ["mallory"]
