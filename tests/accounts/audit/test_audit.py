"""The audit trail: in the transaction of the change, and a chain that names what was touched."""

import json
import uuid
from itertools import pairwise

import pytest
from django.db import transaction
from django.db.models import F

from accounts import audit
from accounts.crypto import digests
from accounts.models import AuditEvent, AuditHead, Team
from accounts.network import request_ids
from accounts.outages import Unavailable
from accounts.permissions import Actor
from accounts.services import teams
from tests import audit_locks, factories

pytestmark = pytest.mark.django_db

TARGET = audit.Target("thing", "1", "Thing")


@pytest.fixture
def chain(acme: Team) -> uuid.UUID:
    """A team's chain of five and more rows, before someone with the database's own rights."""
    audit_locks.take_off()
    for number in range(5):
        audit.record(acme.id, "thing.update", factories.TESTER, TARGET, after={"n": number})
    return acme.id


def row(chain: uuid.UUID, sequence: int) -> AuditEvent:
    return AuditEvent.objects.get(team_id=chain, sequence=sequence)


def touch(chain: uuid.UUID, place: int, **change: object) -> None:
    AuditEvent.objects.filter(team_id=chain, sequence=place).update(**change)


def test_an_untouched_chain_holds(chain: uuid.UUID) -> None:
    assert audit.verify(chain) is None


def test_a_team_without_events_holds() -> None:
    assert audit.verify(uuid.uuid4()) is None


def test_rows_are_numbered_and_linked(chain: uuid.UUID) -> None:
    events = list(AuditEvent.objects.filter(team_id=chain).order_by("sequence"))
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events[0].previous_mac == audit.Link().mac
    for one, next_one in pairwise(events):
        assert next_one.previous_mac == one.mac
    assert AuditHead.objects.get(team_id=chain).mac == events[-1].mac


@pytest.mark.parametrize(
    "change",
    [
        {"action": "thing.create"},
        {"actor_name": "mallory"},
        {"actor_id": "9"},
        {"actor_kind": "key"},
        {"address": "203.0.113.1"},
        {"request_id": "req_0123456789ABCDEF"},
        {"target_name": "Other"},
        {"target_id": "2"},
        {"target_kind": "other"},
        {"before": {"n": 1}},
        {"after": {"n": 99}},
        {"after": None},
        {"at": "2020-01-01T00:00:00Z"},
        {"previous_mac": "0" * 64},
        {"mac": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_edited_row_is_named(chain: uuid.UUID, change: dict[str, object]) -> None:
    touch(chain, 4, **change)
    assert audit.verify(chain) == audit.Broken(4, "a row was edited")


def test_a_row_keeps_the_id_of_the_request_that_made_the_change(acme: Team) -> None:
    audit_locks.take_off()
    token = request_ids.current.set("req_0123456789ABCDEF")
    event = audit.record(acme.id, "thing.update", factories.TESTER, TARGET)
    request_ids.current.reset(token)
    assert row(acme.id, event.sequence).request_id == "req_0123456789ABCDEF"
    assert audit.verify(acme.id) is None
    for edited in ("", "req_FEDCBA9876543210"):
        touch(acme.id, event.sequence, request_id=edited)
        assert audit.verify(acme.id) == audit.Broken(event.sequence, "a row was edited")
    without = audit.record(acme.id, "thing.update", factories.TESTER, TARGET)
    assert without.request_id == ""


def test_a_row_from_before_request_ids_holds(acme: Team) -> None:
    event = audit.record(acme.id, "thing.update", factories.TESTER, TARGET, after={"n": 1})
    fields = [str(event.team_id), event.sequence, event.at.isoformat(timespec="microseconds")]
    fields += ["thing.update", "system", "tests", "tests", "192.0.2.1", "thing", "1", "Thing"]
    fields += [None, {"n": 1}, event.key_version, event.previous_mac]
    message = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    assert digests.audit_mac(message, event.key_version)[1] == event.mac


def test_an_edited_key_version_is_named(chain: uuid.UUID) -> None:
    touch(chain, 4, key_version=99)
    assert audit.verify(chain) == audit.Broken(4, "a row was edited")


def test_a_deleted_row_is_named(chain: uuid.UUID) -> None:
    row(chain, 3).delete()
    assert audit.verify(chain) == audit.Broken(3, "a row is missing")


def test_a_deleted_first_row_is_named(chain: uuid.UUID) -> None:
    row(chain, 1).delete()
    assert audit.verify(chain) == audit.Broken(1, "a row is missing")


def test_reordered_rows_are_named(chain: uuid.UUID) -> None:
    touch(chain, 4, sequence=1000)
    touch(chain, 5, sequence=4)
    touch(chain, 1000, sequence=5)
    broken = audit.verify(chain)
    assert broken is not None
    assert broken.sequence == 4


def test_a_deleted_row_closed_up_is_still_named(chain: uuid.UUID) -> None:
    row(chain, 3).delete()
    for sequence in range(4, AuditEvent.objects.filter(team_id=chain).count() + 2):
        touch(chain, sequence, sequence=F("sequence") - 1)
    broken = audit.verify(chain)
    assert broken is not None
    assert broken.sequence == 3


def test_a_cut_end_is_named(chain: uuid.UUID) -> None:
    count = AuditEvent.objects.filter(team_id=chain).count()
    row(chain, count).delete()
    assert audit.verify(chain) == audit.Broken(count, "the end was cut")


def test_a_row_of_another_team_is_no_row_of_this(chain: uuid.UUID, globex: Team) -> None:
    AuditEvent.objects.filter(team_id=chain).delete()
    AuditEvent.objects.filter(team_id=globex.id).update(team_id=chain)
    broken = audit.verify(chain)
    assert broken is not None
    assert broken.sequence == 1


def test_an_emptied_chain_is_named(chain: uuid.UUID) -> None:
    AuditEvent.objects.filter(team_id=chain).delete()
    assert audit.verify(chain) == audit.Broken(1, "the end was cut")


def test_a_deleted_head_is_named(chain: uuid.UUID) -> None:
    AuditHead.objects.filter(team_id=chain).delete()
    assert audit.verify(chain) is not None


def test_a_row_outlives_its_team(chain: uuid.UUID, acme: Team) -> None:
    acme.delete()
    assert AuditEvent.objects.filter(team_id=chain).exists()
    assert audit.verify(chain) is None


def test_a_change_that_is_rolled_back_leaves_no_row(acme: Team) -> None:
    person = factories.user("alice")
    before = factories.dump()
    with transaction.atomic():
        teams.rename_with_slug(acme, "Other", factories.TESTER)
        teams.add_owner(acme, person, factories.TESTER)
        transaction.set_rollback(True)
    assert factories.dump() == before


def test_an_event_that_cannot_be_written_undoes_the_change(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(message: bytes, version: int | None = None) -> tuple[int, str]:
        raise Unavailable

    monkeypatch.setattr("accounts.crypto.digests.audit_mac", broken)
    with pytest.raises(Unavailable):
        teams.rename_with_slug(acme, "Other", factories.TESTER)
    assert Team.objects.get(pk=acme.pk).name == "Acme"


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_an_error() -> None:
    with pytest.raises(RuntimeError):
        audit.record(uuid.uuid4(), "thing.update", factories.TESTER, TARGET)
    assert not AuditEvent.objects.exists()


def test_long_names_are_cut_and_the_chain_holds(acme: Team) -> None:
    actor = Actor("command", "x", "n" * 10_000)
    event = audit.record(acme.id, "a.b", actor, audit.Target("t", "1", "🔑" * 10_000))
    assert (len(event.actor_name), len(event.target_name)) == (254, 254)
    assert audit.verify(acme.id) is None


@pytest.mark.parametrize(
    "facts",
    [{}, {"a": None}, {"é": "🔑\u202e\0"}, {"n": 1.5, "m": [1, {"z": 1, "a": 2}]}, {"n": 2**60}],
)
def test_whatever_json_a_row_holds_it_verifies(acme: Team, facts: dict[str, object]) -> None:
    audit.record(acme.id, "a.b", factories.TESTER, TARGET, before=facts, after=facts)
    assert audit.verify(acme.id) is None


def test_chains_of_teams_do_not_touch(chain: uuid.UUID, globex: Team) -> None:
    touch(chain, 2, action="thing.create")
    assert audit.verify(globex.id) is None
    assert audit.verify(chain) is not None
