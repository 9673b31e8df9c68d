"""Settings of a team: the owner renames it; its addresses stay."""

import pytest
from django.test import Client

from accounts import audit
from accounts.models import AuditEvent, Team, User
from tests import factories
from tests.forms import send

pytestmark = pytest.mark.django_db

PAGE = "/t/acme/settings/"


def test_the_owner_renames_the_team_and_its_addresses_stay(as_alice: Client, acme: Team) -> None:
    assert send(as_alice, PAGE, {"name": "Acme Ltd"})["Location"] == PAGE
    acme.refresh_from_db()
    assert (acme.name, acme.slug) == ("Acme Ltd", "acme")
    event = AuditEvent.objects.filter(team_id=acme.id).latest("sequence")
    assert (event.action, event.actor_name) == ("team.rename", "alice")
    assert (event.before, event.after) == (
        {"name": "Acme", "slug": "acme"},
        {"name": "Acme Ltd", "slug": "acme"},
    )
    assert audit.verify(acme.id) is None
    assert b"Acme Ltd" in as_alice.get(PAGE).content


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\u202eb"},
        {"name": "nul\0"},
        {"name": "Acme Ltd", "slug": "globex"},
        {"name": "Acme Ltd", "suspended_at": ""},
    ],
)
def test_a_name_that_is_wrong_changes_nothing(as_alice: Client, values: dict[str, str]) -> None:
    before = factories.dump()
    assert send(as_alice, PAGE, values).status_code == 422
    assert factories.dump() == before


def test_the_same_name_is_no_change(as_alice: Client, acme: Team) -> None:
    count = AuditEvent.objects.count()
    assert send(as_alice, PAGE, {"name": "Acme"}).status_code == 302
    assert AuditEvent.objects.count() == count


def test_only_owners_rename_and_see_the_page(  # noqa: PLR0917
    adam: User, as_eddie: Client, as_vera: Client, as_mallory: Client, globex: Team, acme: Team
) -> None:
    as_adam = factories.client(adam)
    for browser, status in ((as_adam, 403), (as_eddie, 403), (as_vera, 403), (as_mallory, 404)):
        assert browser.get(PAGE).status_code == status
        assert browser.post(PAGE, {"name": "Hers"}).status_code == status
    acme.refresh_from_db()
    assert acme.name == "Acme"
    assert PAGE + '"' not in as_adam.get("/t/acme/settings/flow-app/").content.decode()
