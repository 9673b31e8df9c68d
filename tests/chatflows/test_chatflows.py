"""Chatflows: their services. Access holds from the next call on, and is written down."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.models import AuditEvent, Team
from accounts.permissions import Actor
from accounts.services.versions import Stale
from apikeys.models import ApiKey
from apikeys.services import keys
from chatflows.faq import entries
from chatflows.models import Chatflow, FaqEntry, Selection
from chatflows.services import chatflows
from chatflows.services.chatflows import Access
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

CLOSED = Access(mode="keys", key_ids=frozenset())


def last(team: Team) -> AuditEvent:
    return AuditEvent.objects.filter(team_id=team.id).latest("sequence")


def selected(chatflow: Chatflow) -> set[str]:
    return set(chatflow.keys.values_list("name", flat=True))


def test_a_new_chatflow_is_closed_but_for_default_key(acme: Team, by_alice: Actor) -> None:
    chatflow = chatflows.create(acme, "Support", by_alice)
    assert chatflow.access_mode == "keys"
    assert not chatflow.allow_key_in_url
    assert selected(chatflow) == {"DefaultKey"}
    assert last(acme).after == {
        "name": "Support",
        "access_mode": "keys",
        "keys": ["DefaultKey"],
        "allow_key_in_url": False,
    }


def test_a_deleted_default_key_is_not_selected(
    acme: Team, default_key: ApiKey, by_alice: Actor
) -> None:
    keys.delete(default_key, by_alice)
    assert selected(chatflows.create(acme, "Support", by_alice)) == set()


def test_saving_access_sets_exactly_what_was_chosen_and_writes_it_down(
    acme: Team, faq: Chatflow, integration: Integration, by_alice: Actor
) -> None:
    faq.refresh_from_db()
    access = Access("public", frozenset({integration.key.id}), allow_key_in_url=True)
    chatflows.save_access(faq, access, by_alice, version=faq.version)
    assert (faq.access_mode, faq.allow_key_in_url) == ("public", True)
    assert selected(faq) == {"crm-sync"}
    event = last(acme)
    assert event.action == "chatflow.set_access"
    assert event.before == {
        "access_mode": "keys",
        "keys": ["DefaultKey", "crm-sync"],
        "allow_key_in_url": False,
    }
    assert event.after == {"access_mode": "public", "keys": ["crm-sync"], "allow_key_in_url": True}
    assert audit.verify(acme.id) is None


def test_an_older_version_is_stale_and_changes_nothing(faq: Chatflow, by_alice: Actor) -> None:
    old = faq.version
    chatflows.save_access(faq, replace(CLOSED, mode="off"), by_alice, version=old)
    before = factories.dump()
    for version in (old, old - 1, faq.version + 1, -1, 10**12):
        with pytest.raises(Stale):
            chatflows.save_access(faq, CLOSED, by_alice, version=version)
    assert factories.dump() == before


def test_selecting_a_key_elsewhere_makes_an_open_form_stale(
    acme: Team, faq: Chatflow, by_alice: Actor
) -> None:
    drawn = faq.version
    factories.key(acme, "second", faq)
    with pytest.raises(Stale):
        chatflows.save_access(faq, CLOSED, by_alice, version=drawn)


def test_saving_the_same_leaves_no_row(faq: Chatflow, default_key: ApiKey, by_alice: Actor) -> None:
    count = AuditEvent.objects.count()
    access = Access("keys", frozenset({default_key.id}))
    chatflows.save_access(faq, access, by_alice, version=faq.version)
    assert AuditEvent.objects.count() == count


def test_ids_of_other_teams_and_of_nobody_select_nothing(
    faq: Chatflow, globex: Team, by_alice: Actor
) -> None:
    foreign, _ = factories.key(globex, "foreign")
    access = Access("keys", frozenset({foreign.id, uuid4()}))
    chatflows.save_access(faq, access, by_alice, version=faq.version)
    assert selected(faq) == set()
    assert not Selection.objects.filter(key=foreign).exists()


def test_a_deleted_key_is_not_selected_again(
    faq: Chatflow, integration: Integration, by_alice: Actor
) -> None:
    keys.delete(integration.key, by_alice)
    faq.refresh_from_db()
    access = Access("keys", frozenset({integration.key.id}))
    chatflows.save_access(faq, access, by_alice, version=faq.version)
    assert selected(faq) == set()


def test_the_database_refuses_a_mode_that_is_none(faq: Chatflow, by_alice: Actor) -> None:
    for mode in ("", "open", "KEYS", None):
        with pytest.raises(IntegrityError), transaction.atomic():
            Chatflow.objects.filter(pk=faq.pk).update(access_mode=mode)


def test_selecting_adds_and_never_removes(
    acme: Team, faq: Chatflow, by_alice: Actor, globex: Team
) -> None:
    second, _ = factories.key(acme, "second")
    foreign = factories.chatflow(globex, "Foreign")
    version = faq.version
    chatflows.select(second, [faq.id, foreign.id, uuid4()], by_alice)
    chatflows.select(second, [faq.id], by_alice)
    faq.refresh_from_db()
    assert selected(faq) == {"DefaultKey", "second"}
    assert selected(foreign) == {"DefaultKey"}
    assert faq.version == version + 1


@pytest.mark.parametrize("name", ["", "x" * 81, "Support FAQ", "SUPPORT faq"])
def test_a_name_that_cannot_be_is_refused(
    acme: Team, faq: Chatflow, by_alice: Actor, name: str
) -> None:
    other = factories.chatflow(acme, "Other")
    before = factories.dump()
    with pytest.raises(ValidationError):
        chatflows.create(acme, name, by_alice)
    with pytest.raises(ValidationError):
        chatflows.rename(other, name, by_alice)
    assert factories.dump() == before


def test_renaming_keeps_the_address(acme: Team, faq: Chatflow, by_alice: Actor) -> None:
    address = faq.pk
    chatflows.rename(faq, "support faq", by_alice)  # its own name in other case is free
    assert Chatflow.objects.get(name="support faq").pk == address
    assert last(acme).before == {"name": "Support FAQ"}


def test_renaming_frees_the_old_name_and_takes_the_new(
    acme: Team, faq: Chatflow, by_alice: Actor
) -> None:
    chatflows.rename(faq, "Hilfe für Übende", by_alice)
    with pytest.raises(ValidationError):
        chatflows.create(acme, "HILFE FÜR ÜBENDE", by_alice)
    assert chatflows.create(acme, "support faq", by_alice).pk != faq.pk


def test_deleting_takes_all_of_it_along_and_writes_down_what_it_was(
    acme: Team, faq: Chatflow, by_alice: Actor
) -> None:
    entries.add(faq, "q", "a", by_alice)
    chatflows.delete(faq, by_alice)
    assert not Chatflow.objects.exists()
    assert not FaqEntry.objects.exists()
    event = last(acme)
    assert event.before is not None
    assert event.before["name"] == "Support FAQ"
    assert UUID(event.target_id)


def test_each_change_of_the_faq_raises_the_version_and_is_written_down(
    acme: Team, faq: Chatflow, by_alice: Actor
) -> None:
    versions = []

    def note(action: str) -> None:
        assert last(acme).action == action
        versions.append(Chatflow.objects.get(pk=faq.pk).engine_version)

    entry = entries.add(faq, "q", "a", by_alice)
    note("faq_entry.create")
    entries.update(entry, "q2", "a2", by_alice)
    note("faq_entry.update")
    assert (last(acme).before, last(acme).after) == (
        {"question": "q", "answer": "a", "chatflow": faq.name},
        {"question": "q2", "answer": "a2", "chatflow": faq.name},
    )
    entries.set_fallback(faq, "Sorry.", by_alice)
    note("chatflow.set_fallback")
    entries.delete(entry, by_alice)
    note("faq_entry.delete")
    assert versions == sorted(set(versions))
    assert audit.verify(acme.id) is None


def test_a_change_of_the_faq_is_no_change_of_the_access(faq: Chatflow, by_alice: Actor) -> None:
    version = faq.version
    entries.add(faq, "q", "a", by_alice)
    faq.refresh_from_db()
    assert faq.version == version
