"""Operators: they make, rename, suspend and delete teams, and see nothing of their insides."""

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import audit
from accounts.models import AuditEvent, Membership, Role, Team, User
from accounts.services import teams
from apikeys.models import ApiKey
from chatflows.models import Chatflow
from tests import audit_locks, factories
from tests.conftest import Integration
from tests.forms import send

pytestmark = pytest.mark.django_db

LIST = "/operator/teams/"
VERBS = ("rename", "suspend", "unsuspend", "delete")


@pytest.fixture
def as_olga(db: None) -> Client:
    """An operator who is in no team."""
    olga = factories.user("olga")
    User.objects.filter(pk=olga.pk).update(is_operator=True)
    return factories.client(User.objects.get(pk=olga.pk), is_fresh=True)


def page(team: Team, verb: str) -> str:
    return f"{LIST}{team.id}/{verb}/"


def installation() -> list[tuple[str, str]]:
    events = AuditEvent.objects.filter(team_id=audit.INSTALLATION).order_by("sequence")
    return list(events.values_list("action", "target_name"))


def test_everyone_else_gets_404_and_changes_nothing(as_alice: Client, acme: Team) -> None:
    before = factories.state()
    paths = [LIST, LIST + "new/", *(page(acme, verb) for verb in VERBS)]
    assert {as_alice.get(path).status_code for path in paths} == {404}
    assert {as_alice.post(path).status_code for path in paths} == {404}
    assert Client().get(LIST)["Location"].startswith("/login/")
    assert factories.state() == before


def test_an_operator_cannot_open_a_team(as_olga: Client, faq: Chatflow) -> None:
    paths = ("chatflows/", f"chatflows/{faq.id}/", "keys/", "audit/", "service-accounts/")
    assert {as_olga.get(f"/t/acme/{path}").status_code for path in paths} == {404}
    body = as_olga.get(LIST).content.decode()
    assert "Acme" in body
    assert "Support FAQ" not in body


def test_a_new_team_starts_as_the_first_one_did(as_olga: Client, mallory: User) -> None:
    as_olga.post(LIST + "new/", {"name": "Initech", "owner": "MALLORY@example.com"})
    team = Team.objects.get(name="Initech")
    assert team.slug == "initech"
    assert Membership.objects.get(team=team).user == mallory
    assert Membership.objects.get(team=team).role == Role.OWNER
    assert ApiKey.objects.of(team).get().secret is None
    assert Chatflow.objects.of(team).count() == 1
    assert ("team.create", "Initech") in installation()
    assert audit.verify(team.id) is None


@pytest.mark.parametrize(
    "values",
    [
        {"name": "", "owner": "alice"},
        {"name": "x" * 81, "owner": "alice"},
        {"name": "a\u202eb", "owner": "alice"},
        {"name": "Initech", "owner": "nobody"},
        {"name": "Initech", "owner": ""},
    ],
)
def test_a_new_team_that_is_wrong_is_not_made(
    as_olga: Client, alice: User, values: dict[str, str]
) -> None:
    before = factories.dump()
    assert as_olga.post(LIST + "new/", values).status_code == 422
    assert factories.dump() == before


def test_renaming_keeps_the_addresses(as_olga: Client, acme: Team) -> None:
    send(as_olga, page(acme, "rename"), {"name": "Acme Ltd"})
    acme.refresh_from_db()
    assert (acme.name, acme.slug) == ("Acme Ltd", "acme")
    event = AuditEvent.objects.filter(team_id=acme.id).latest("sequence")
    assert (event.action, event.actor_name) == ("team.rename", "olga")
    assert ("team.rename", "Acme Ltd") in installation()


def test_a_suspended_team_is_gone_for_its_members_until_it_goes_on(
    as_olga: Client, as_alice: Client, acme: Team, integration: Integration
) -> None:
    as_olga.post(page(acme, "suspend"))
    assert as_alice.get("/t/acme/keys/").status_code == 403
    assert b"Your team is suspended" in as_alice.get("/").content
    assert b"Suspended" in as_olga.get(LIST).content
    as_olga.post(page(acme, "suspend"))  # again: nothing
    as_olga.post(page(acme, "unsuspend"))
    assert as_alice.get("/t/acme/keys/").status_code == 200
    found = [action for action, _ in installation() if "suspend" in action]
    assert found == ["team.suspend", "team.unsuspend"]


def test_deleting_asks_for_the_name_and_the_trail_stays(
    as_olga: Client, acme: Team, integration: Integration, globex: Team
) -> None:
    for typed in ("", "acme", "Globex"):
        assert as_olga.post(page(acme, "delete"), {"confirm_name": typed}).status_code == 422
    as_olga.post(page(acme, "delete"), {"confirm_name": "Acme"})
    assert list(Team.objects.all()) == [globex]
    assert not ApiKey.objects.filter(pk=integration.key.pk).exists()
    assert AuditEvent.objects.filter(team_id=acme.id).latest("sequence").action == "team.delete"
    assert audit.verify(acme.id) is None
    assert audit.verify(audit.INSTALLATION) is None
    assert ("team.delete", "Acme") in installation()


def test_deleting_asks_for_the_password_again(acme: Team) -> None:
    olga = factories.user("olga")
    User.objects.filter(pk=olga.pk).update(is_operator=True)
    stale = factories.client(User.objects.get(pk=olga.pk))
    answer: Any = stale.post(page(acme, "delete"), {"confirm_name": "Acme"})
    assert answer["Location"].startswith("/reauthenticate/")
    assert Team.objects.filter(pk=acme.pk).exists()


def test_the_switcher_lists_my_teams_and_no_others(
    as_alice: Client, alice: User, acme: Team, globex: Team
) -> None:
    labs = factories.team("Labs")
    teams.add_owner(labs, alice, factories.TESTER)
    body = as_alice.get("/t/acme/keys/").content.decode()
    assert "/t/labs/chatflows/" in body
    assert "Globex" not in body


def test_the_command_makes_an_operator_and_undoes_it(alice: User) -> None:
    call_command("make_operator", "ALICE")
    operators = User.objects.filter(is_operator=True)
    assert list(operators) == [alice]
    call_command("make_operator", "alice@example.com", undo=True)
    assert not operators.all()
    assert [action for action, _ in installation()] == ["user.set_operator"] * 2
    with pytest.raises(CommandError):
        call_command("make_operator", "nobody")


AUDIT = "/operator/audit/"


def test_the_trail_of_the_installation_is_read_checked_and_exported(
    as_olga: Client, acme: Team
) -> None:
    send(as_olga, page(acme, "rename"), {"name": "=Acme"})
    body = as_olga.get(AUDIT).content.decode()
    assert "renamed the team to" in body
    assert "added alice" not in body
    assert b"The chain holds" in as_olga.post(AUDIT + "verify/").content
    rows = [json.loads(line) for line in _lines(as_olga.get(AUDIT + "jsonl/"))]
    assert rows[0]["event"] == "team.rename"
    assert "'=Acme" in "".join(_lines(as_olga.get(AUDIT + "csv/")))
    assert as_olga.get(AUDIT + "csv/?event=nothing")["Location"] == f"{AUDIT}?event=nothing"


def test_an_edited_row_of_the_installation_is_named(as_olga: Client, acme: Team) -> None:
    send(as_olga, page(acme, "rename"), {"name": "Acme Ltd"})
    with audit_locks.off():
        AuditEvent.objects.filter(team_id=audit.INSTALLATION, action="team.rename").update(
            actor_name="alice"
        )
    body = as_olga.post(AUDIT + "verify/").content.decode()
    assert "The chain breaks at entry" in body
    assert "a row was edited" in body


def test_the_trail_of_the_installation_is_for_operators_alone(as_alice: Client) -> None:
    for path in ("", "csv/", "jsonl/"):
        assert as_alice.get(AUDIT + path).status_code == 404
    assert as_alice.post(AUDIT + "verify/").status_code == 404


def _lines(response: Any) -> list[str]:
    async def collect() -> str:
        return b"".join([part async for part in response]).decode()

    return async_to_sync(collect)().splitlines()
