"""Writing: whatever changes a fact of the gate, the file equals the database after the commit."""

import stat
import threading
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.utils import timezone

from accounts.bounds import Limits
from accounts.models import ServiceAccount, Team
from accounts.permissions import Actor
from accounts.services import service_accounts, teams
from apikeys.key_file import changes, facts, writing
from apikeys.models import ApiKey, KeyFileChange, KeySecret
from apikeys.services import details, keys, publishable
from apikeys.services.life import expiry, policies, policy_changes, rotation
from apikeys.services.life.policy_changes import Rules
from chatflows.models import Chatflow
from chatflows.services import chatflows
from tests import factories
from tests.apikeys.key_file.conftest import Committing, KeyFile
from tests.conftest import Integration


class Story:
    """Acme's keys, and one service call for each fact of the gate that can change."""

    def __init__(self, acme: Team, faq: Chatflow, key: ApiKey, by: Actor) -> None:
        self.acme, self.faq, self.key, self.by = acme, faq, key, by
        about = service_accounts.About("crm", "production")
        self.account = service_accounts.create(acme, about, by)
        self.of_account, _ = keys.add(acme, "of-account", by, service_account=self.account)
        self.in_pages, _ = factories.publishable(acme, "in-pages", faq)
        self.other = factories.chatflow(acme, "Other")
        self.spare, _ = keys.add(acme, "spare", by)
        self.disabled, _ = keys.add(acme, "disabled", by)
        keys.disable(self.disabled, by)

    @property
    def version(self) -> int:
        return ApiKey.objects.get(pk=self.key.pk).version

    def create(self) -> None:
        keys.create(self.acme, "made", self.by)

    def issue(self) -> None:
        keys.issue(keys.create(self.acme, "issued", self.by), self.by)

    def replace_secret(self) -> None:
        keys.issue(self.key, self.by, replace=True)

    def disable(self) -> None:
        keys.disable(self.key, self.by)

    def enable(self) -> None:
        keys.enable(self.disabled, self.by)

    def delete(self) -> None:
        keys.delete(self.key, self.by)

    def rotate(self) -> None:
        rotation.rotate(self.key, self.by, overlap=timedelta(hours=24))

    def extend_overlap(self) -> None:
        self.rotate()
        rotation.extend_overlap(self.key, self.by)

    def retire(self) -> None:
        self.rotate()
        rotation.retire(self.key, self.by)

    def let_end(self) -> None:
        rotation.let_end(self.key, self.by, overlap=timedelta(hours=1))

    def revoke_secrets(self) -> None:
        rotation.revoke_secrets(self.key, self.by)

    def end_silent(self) -> None:
        long_ago = timezone.now() - timedelta(days=9)
        KeySecret.objects.filter(key=self.key).update(
            ends_when_silent=True, ends_at=timezone.now() + timedelta(days=1), created_at=long_ago
        )
        rotation.end_silent(threading.Event())

    def set_end(self) -> None:
        expiry.set_end(self.key, timezone.now() + timedelta(days=9), self.by)

    def rename(self) -> None:
        about = details.Details("renamed", service_account=self.account)
        details.change(self.key, about, self.by, version=self.version)

    def limit(self) -> None:
        details.change_limits(self.key, Limits(minute=7), self.by, version=self.version)

    def set_where(self) -> None:
        networks = ["192.0.2.0/24"]
        details.change_where(self.key, networks, [], self.by, version=self.version)

    def set_scopes(self) -> None:
        scopes = ["predictions:create", "apikeys:view"]
        details.change_scopes(self.key, scopes, self.by, version=self.version)

    def choose_chatflows(self) -> None:
        details.choose_chatflows(self.key, {self.other.id}, {self.faq.id}, self.by)

    def save_access(self) -> None:
        access = chatflows.Access("keys", frozenset({self.spare.id}))
        version = Chatflow.objects.get(pk=self.faq.pk).version
        chatflows.save_access(self.faq, access, self.by, version=version)

    def make_chatflow(self) -> None:
        chatflows.create(self.acme, "New", self.by)

    def delete_chatflow(self) -> None:
        chatflows.delete(self.faq, self.by)

    def add_origin(self) -> None:
        publishable.add_origin(self.in_pages, "https://www.acme.example", self.by)

    def pin(self) -> None:
        publishable.pin(self.in_pages, self.other.id, self.by)

    def disable_account(self) -> None:
        service_accounts.disable(self.account, self.by)

    def delete_account(self) -> None:
        service_accounts.delete(self.account, self.by)

    def suspend(self) -> None:
        teams.suspend(self.acme, self.by)

    def rename_team(self) -> None:
        teams.change_name(self.acme, "Acme Two", self.by)

    def make_team(self) -> None:
        factories.team("Initech")

    def delete_team(self) -> None:
        teams.delete(self.acme, self.by)

    def obey_policy(self) -> None:
        rules, version = Rules(may_last_forever=False), policies.of(self.acme).version
        policy_changes.save(self.acme, rules, self.by, version=version, seen=100)

    def plain_sql(self) -> None:
        ServiceAccount.objects.filter(pk=self.account.pk).update(name="renamed")


@pytest.fixture
def story(acme: Team, faq: Chatflow, integration: Integration, by_alice: Actor) -> Story:
    return Story(acme, faq, integration.key, by_alice)


STEPS = [name for name, each in vars(Story).items() if name[0] != "_" and callable(each)]


@pytest.mark.parametrize("step", STEPS)
def test_the_file_equals_the_database_after_each_change(
    step: str,
    key_file: KeyFile,
    story: Story,
    committing: Committing,
) -> None:
    writing.write(within=0)
    generation, before = key_file.generation, key_file.told()
    with committing():
        getattr(story, step)()
    assert key_file.told() != before
    assert key_file.generation > generation
    expected = [*facts.teams(), *dict(facts.keys()).values()]
    written = {line.rpartition(b',"seal":')[0] for line in key_file.lines[1:]}
    assert written == {line.body for line in expected}


def test_the_file_holds_no_text_and_is_for_its_owner_alone(
    key_file: KeyFile, acme: Team, faq: Chatflow, committing: Committing
) -> None:
    with committing():
        _, text = factories.key(acme, "crm-sync", faq)
        _, in_pages = factories.publishable(acme, "in-pages", faq)
    content = key_file.path.read_text()
    assert text not in content
    assert in_pages not in content
    assert key_file.of("crm-sync")["opens"] == [str(faq.id)]
    assert key_file.of("in-pages")["secrets"][0]["ciphertext"]
    assert stat.S_IMODE(key_file.path.stat().st_mode) == 0o600
    assert key_file.files == [writing.LOCK, key_file.path.name]


def test_a_last_use_writes_nothing(
    key_file: KeyFile, integration: Integration, committing: Committing
) -> None:
    generation = changes.latest()
    with committing() as waiting:
        ApiKey.objects.filter(pk=integration.key.pk).update(last_used_at=timezone.now())
    assert changes.latest() == generation
    assert waiting == []


def test_a_change_that_is_undone_writes_nothing(
    key_file: KeyFile, integration: Integration, by_alice: Actor
) -> None:
    generation = changes.latest()
    with pytest.raises(keys.AlreadyIssued):
        keys.issue(integration.key, by_alice)
    assert changes.latest() == generation


def test_one_transaction_writes_the_file_once(
    key_file: KeyFile, acme: Team, by_alice: Actor, committing: Committing
) -> None:
    with committing() as waiting:
        keys.add(acme, "crm-sync", by_alice)
    assert len([each for each in waiting if each is writing.write_on_commit]) == 1


def begin_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on as a process that has written nothing yet."""
    monkeypatch.setattr(writing, "_kept", writing._Kept())


@pytest.mark.parametrize("is_new", [True, False])
def test_a_file_that_was_tampered_with_is_made_anew_from_the_database(
    is_new: bool,
    key_file: KeyFile,
    integration: Integration,
    committing: Committing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writing.write(within=0)
    if is_new:
        begin_a_process(monkeypatch)
    key_file.lines = [line.replace(b"crm-sync", b"crm-sink") for line in key_file.lines]
    with committing():
        keys.disable(integration.key, factories.TESTER)
    assert "disabled_at" in key_file.of("crm-sync")


def test_a_process_that_begins_goes_on_from_the_file(
    key_file: KeyFile,
    integration: Integration,
    committing: Committing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writing.write(within=0)
    begin_a_process(monkeypatch)
    ApiKey.objects.filter(pk=integration.key.pk).update(disabled_at=timezone.now())
    with mock.patch.object(facts, "keys", wraps=facts.keys) as read, committing():
        keys.create(integration.key.team, "made", factories.TESTER)
    assert len(read.call_args.args[0]) == 2
    assert "disabled_at" in key_file.of("crm-sync")
    assert key_file.of("made")


def test_an_older_file_that_was_put_back_is_brought_up_to_date(
    key_file: KeyFile, integration: Integration, committing: Committing
) -> None:
    writing.write(within=0)
    older = key_file.lines
    with committing():
        keys.disable(integration.key, factories.TESTER)
    key_file.lines = older
    with committing():
        keys.create(integration.key.team, "made", factories.TESTER)
    assert "disabled_at" in key_file.of("crm-sync")


def test_a_file_of_another_database_is_not_gone_on_with(
    key_file: KeyFile,
    integration: Integration,
    committing: Committing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writing.write(within=0)
    begin_a_process(monkeypatch)
    KeyFileChange.objects.update(mark="another")
    ApiKey.objects.filter(pk=integration.key.pk).update(disabled_at=timezone.now())
    KeyFileChange.objects.filter(key_id=integration.key.pk).delete()
    with committing():
        keys.create(integration.key.team, "made", factories.TESTER)
    assert "disabled_at" in key_file.of("crm-sync")


def test_with_very_many_keys_the_worker_writes_the_file(
    key_file: KeyFile,
    acme: Team,
    by_alice: Actor,
    monkeypatch: pytest.MonkeyPatch,
    committing: Committing,
) -> None:
    monkeypatch.setattr(writing, "AT_ONCE", 1)
    generation = key_file.generation
    with committing():
        keys.add(acme, "crm-sync", by_alice)
    assert writing.is_delayed()
    assert (key_file.generation, writing.is_current()) == (generation, False)
    writing.catch_up(threading.Event())
    assert writing.is_current()
    assert key_file.of("crm-sync")


def test_a_lock_that_another_process_holds_leaves_the_file_to_the_worker(
    key_file: KeyFile,
    acme: Team,
    by_alice: Actor,
    monkeypatch: pytest.MonkeyPatch,
    committing: Committing,
) -> None:
    monkeypatch.setattr(writing, "ON_COMMIT", 0)
    before = key_file.lines
    with writing.locked(0), committing():
        keys.add(acme, "crm-sync", by_alice)
    assert key_file.lines == before
    writing.catch_up(threading.Event())
    assert key_file.of("crm-sync")


def test_a_full_disk_leaves_the_old_file_whole(
    key_file: KeyFile, acme: Team, by_alice: Actor, committing: Committing
) -> None:
    before = key_file.lines
    full = OSError(28, "No space left on device")
    with mock.patch("os.fsync", side_effect=full), committing():
        keys.add(acme, "crm-sync", by_alice)
    assert key_file.lines == before
    assert key_file.files == [writing.LOCK, key_file.path.name]


def test_what_a_killed_process_left_is_swept_away(key_file: KeyFile) -> None:
    left: Path = key_file.folder / ".flowlatch-keys.abc.draft"
    left.write_text("half")
    writing.write(within=0, again=True)
    assert not left.exists()


def test_of_many_changes_the_newest_are_kept(
    key_file: KeyFile, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "KEPT", 1)
    for number in range(3):
        Team.objects.filter(pk=acme.pk).update(name=f"Acme {number}")
    seen = changes.latest()
    Team.objects.filter(pk=acme.pk).update(name="Acme")
    Team.objects.filter(pk=acme.pk).update(name="Acme Inc")
    changes.prune()
    assert changes.keys_since(seen, changes.latest()) is None
    assert changes.keys_since(changes.latest(), changes.latest()) == set()
