"""Checks of the chain: on the page, by the command, and what the database itself refuses."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts import audit
from accounts.audit import chain
from accounts.models import AuditEvent, AuditHead, Team
from tests import audit_locks, factories
from tests.accounts.audit.trails import VERIFY, note

pytestmark = pytest.mark.django_db


def test_the_check_says_that_the_chain_holds_and_gives_its_last_link(
    as_alice: Client, acme: Team
) -> None:
    head = AuditHead.objects.get(team_id=acme.id)
    body = as_alice.post(VERIFY).content.decode()
    assert "The chain holds." in body
    assert f"{head.sequence}:{head.mac}" in body
    assert as_alice.get(VERIFY)["Location"] == "/t/acme/audit/"


def test_the_check_names_the_entry_that_was_edited(as_alice: Client, acme: Team) -> None:
    edited = note(acme, "crm")
    note(acme, "later")
    audit_locks.take_off()
    AuditEvent.objects.filter(pk=edited.pk).update(actor_name="somebody else")
    body = as_alice.post(VERIFY).content.decode()
    assert f"The chain breaks at entry {edited.sequence}: a row was edited." in body
    assert "somebody else created the key <b>crm</b>" in " ".join(body.split())


def command(**options: Any) -> str:
    out = io.StringIO()
    call_command("verify_audit", stdout=out, **options)
    return out.getvalue()


def test_the_command_checks_every_chain_and_those_of_teams_that_are_gone(
    acme: Team, globex: Team
) -> None:
    gone = globex.id
    head = AuditHead.objects.get(team_id=acme.id)
    globex.delete()
    lines = command().splitlines()
    assert f"acme: holds {head.sequence}:{head.mac}" in lines
    assert any(line.startswith(f"deleted team {gone}: holds") for line in lines)
    assert any(line.startswith("installation: holds") for line in lines)


@pytest.mark.parametrize("harm", ["edit", "delete", "move"])
def test_the_command_fails_and_names_the_row(
    acme: Team, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one = note(acme, "crm")
    note(acme, "later")
    audit_locks.take_off()
    row = AuditEvent.objects.filter(pk=one.pk)
    if harm == "edit":
        row.update(after={"scopes": []})
    elif harm == "delete":
        row.delete()
    else:
        row.update(sequence=1000)
    with pytest.raises(CommandError):
        call_command("verify_audit", team="acme")
    said = capsys.readouterr().out
    assert f"acme: broken at entry {one.sequence}: " in said
    assert ("created the key crm" in said) is (harm == "edit")


def test_a_cut_end_shows_against_a_link_noted_elsewhere(acme: Team) -> None:
    cut = note(acme, "crm")
    noted = (cut.sequence, cut.mac)
    assert "holds" in command(team="acme", noted=noted)
    audit_locks.take_off()
    AuditEvent.objects.filter(pk=cut.pk).delete()
    AuditHead.objects.filter(team_id=acme.id).update(
        sequence=cut.sequence - 1, mac=cut.previous_mac
    )
    assert audit.verify(acme.id) is None  # all that the database itself can tell
    with pytest.raises(CommandError):
        command(team="acme", noted=noted)


def test_the_command_says_what_is_not_there(acme: Team) -> None:
    with pytest.raises(CommandError, match="no team 'nobody'"):
        command(team="nobody")
    with pytest.raises(CommandError, match="--noted needs --team"):
        command(noted=(1, "0" * 64))


EVENT, HEAD = "accounts_auditevent", "accounts_audithead"
FORGED = f"INTO {EVENT} SELECT * FROM {EVENT} WHERE sequence = 1"
HARMS = [
    f"UPDATE {EVENT} SET actor_name = 'x'",
    f"UPDATE {EVENT} SET actor_name = 'x' WHERE sequence = 1",
    f"UPDATE {EVENT} SET mac = mac",
    f"DELETE FROM {EVENT}",
    f"DELETE FROM {EVENT} WHERE sequence = 1",
    f"DELETE FROM {HEAD}",
    f"UPDATE {HEAD} SET sequence = sequence - 1",
    f"UPDATE {HEAD} SET mac = 'x'",
]
SQLITE_HARMS = [
    f"REPLACE {FORGED}",
    f"INSERT OR REPLACE {FORGED}",
    f"UPDATE OR REPLACE {EVENT} SET sequence = 1",
]
POSTGRESQL_HARMS = [
    f"TRUNCATE {EVENT}",
    f"TRUNCATE {HEAD}",
    f"SET session_replication_role = replica; DELETE FROM {EVENT}",
    f"INSERT {FORGED} ON CONFLICT (id) DO UPDATE SET actor_name = 'x'",
]


@pytest.mark.parametrize(
    "statement", HARMS + (SQLITE_HARMS if connection.vendor == "sqlite" else POSTGRESQL_HARMS)
)
def test_the_database_itself_refuses_to_change_what_was_written(acme: Team, statement: str) -> None:
    before = factories.dump()
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert factories.dump() == before
    note(acme, "more")
    assert audit.verify(acme.id) is None


def test_the_models_are_refused_too(acme: Team) -> None:
    event = AuditEvent.objects.filter(team_id=acme.id).latest("sequence")
    with pytest.raises(DatabaseError), transaction.atomic():
        event.delete()
    event.actor_name = "somebody else"
    with pytest.raises(DatabaseError), transaction.atomic():
        event.save()


def test_rows_that_are_written_during_a_check_are_no_break(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "BATCH", 2)
    untouched = chain._is_untouched

    def busy(event: AuditEvent) -> bool:
        if event.sequence == 2:
            note(acme, "meanwhile")
        return untouched(event)

    note(acme, "crm")
    note(acme, "crm-2")
    monkeypatch.setattr(chain, "_is_untouched", busy)
    found = audit.check(acme.id)
    assert found.broken is None
    assert found.mac == AuditHead.objects.get(team_id=acme.id).mac
