"""Reading: a database without any team gets its keys back, and nothing else reads the file."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.bounds import Limits
from accounts.crypto import keyring
from accounts.models import AuditEvent, LinkPurpose, ServiceAccount, Team, User
from accounts.permissions import Actor
from accounts.services import link_tokens, service_accounts, teams
from apikeys.key_file import changes, facts, layout, reading, writing
from apikeys.key_file.layout import Damaged
from apikeys.models import ApiKey, KeyFileChange, KeySecret, WaitingSelection
from apikeys.services import details, keys, publishable
from apikeys.services.life import rotation
from chatflows.models import Chatflow, Selection
from chatflows.services import chatflows, onboarding
from tests import factories
from tests.apikeys.key_file.conftest import KeyFile
from tests.conftest import Integration

START = Actor("system", "start", "first start")


def lose_the_database() -> None:
    """Delete all that the file could bring back, and what only a start makes."""
    changes.remove()
    Team.objects.all().delete()
    User.objects.all().delete()
    KeyFileChange.objects.all().delete()


def lines() -> set[bytes]:
    """What the file would say of the database now."""
    told = [*facts.teams(), *dict(facts.keys()).values()]
    return {each.body for each in told}


@pytest.fixture
def full(key_file: KeyFile, acme: Team, faq: Chatflow, integration: Integration) -> KeyFile:
    """A file that says everything that one can say."""
    by = factories.TESTER
    globex = factories.team("Globex")
    teams.suspend(globex, by)
    account = service_accounts.create(acme, service_accounts.About("crm", "staging"), by)
    keys.add(
        acme,
        "of-account",
        by,
        service_account=account,
        expires_at=timezone.now() + timedelta(days=9),
        networks=["192.0.2.0/24"],
        limits=Limits(minute=7, budget=10**9),
    )
    factories.publishable(acme, "in-pages", faq)
    deleted, _ = factories.key(acme, "deleted", faq)
    keys.delete(deleted, by)
    disabled, _ = factories.key(acme, "disabled", faq)
    keys.disable(disabled, by)
    rotation.rotate(integration.key, by, overlap=timedelta(hours=24), when_silent=True)
    writing.write(within=0)
    return key_file


def test_everything_that_the_gate_asks_comes_back(full: KeyFile, acme: Team) -> None:
    before, generation, secrets = (
        lines(),
        full.generation,
        set(
            KeySecret.objects.live(timezone.now()).values_list(
                "digest", "pepper_version", "ends_at"
            )
        ),
    )
    lose_the_database()
    assert reading.restore(START) == (2, 7)
    assert lines() == before
    assert set(KeySecret.objects.values_list("digest", "pepper_version", "ends_at")) == secrets
    assert onboarding.first_team() == acme
    assert ServiceAccount.objects.get().environment == "staging"
    changes.install()
    writing.write(within=0, again=True)
    assert full.generation > generation


def test_the_trail_says_what_came_back(full: KeyFile, acme: Team, faq: Chatflow) -> None:
    lose_the_database()
    reading.restore(START)
    event = AuditEvent.objects.get(team_id=acme.id, action="team.restore_keys")
    assert event.after == {"keys": 6, "waiting_selections": 5}


def test_a_restored_publishable_key_shows_its_text(
    full: KeyFile, acme: Team, faq: Chatflow
) -> None:
    before = publishable.texts(ApiKey.objects.get(name="in-pages"))
    lose_the_database()
    reading.restore(START)
    assert publishable.texts(ApiKey.objects.get(name="in-pages")) == before != []


def test_a_key_opens_its_chatflow_once_that_is_made_again(
    full: KeyFile, acme: Team, faq: Chatflow, integration: Integration
) -> None:
    lose_the_database()
    reading.restore(START)
    assert not Selection.objects.exists()
    made = chatflows.create(acme, "Support FAQ", factories.TESTER, id_=faq.id)
    selected = set(made.keys.values_list("name", flat=True))
    assert selected == {"DefaultKey", "crm-sync", "disabled", "in-pages"}
    assert not WaitingSelection.objects.filter(chatflow_id=faq.id).exists()
    event = AuditEvent.objects.get(action="chatflow.wake_keys")
    assert event.after is not None
    assert event.after["keys"] == ["crm-sync", "DefaultKey", "disabled", "in-pages"]
    assert not ApiKey.objects.kept().filter(name="deleted").exists()


def test_a_chatflow_of_another_team_wakes_nothing(
    full: KeyFile, faq: Chatflow, integration: Integration
) -> None:
    lose_the_database()
    reading.restore(START)
    waiting = WaitingSelection.objects.count()
    stranger = Team.objects.get(slug="globex")
    made = chatflows.create(stranger, "Support FAQ", factories.TESTER, id_=faq.id)
    assert set(made.keys.values_list("team", flat=True)) == {stranger.id}
    assert WaitingSelection.objects.count() == waiting


def test_what_waits_stays_in_the_file(full: KeyFile, faq: Chatflow) -> None:
    lose_the_database()
    reading.restore(START)
    writing.write(within=0, again=True)
    assert full.of("crm-sync")["opens"] == [str(faq.id)]
    lose_the_database()
    reading.restore(START)
    assert WaitingSelection.objects.filter(chatflow_id=faq.id, key__name="crm-sync").exists()


def test_a_database_with_a_team_does_not_read_the_file(
    full: KeyFile, integration: Integration
) -> None:
    keys.delete(integration.key, factories.TESTER)
    full.path.write_text("not read at all")
    assert reading.restore(START) is None
    integration.key.refresh_from_db()
    assert integration.key.deleted_at is not None


def test_a_damaged_file_brings_nothing_back_and_stays(full: KeyFile) -> None:
    hurt = full.lines
    hurt[2] = hurt[2].replace(b'"name":', b'"nama":')
    full.lines = hurt
    lose_the_database()
    with pytest.raises(Damaged, match=r"^line 3 "):
        reading.restore(START)
    assert full.lines == hurt
    assert not Team.objects.exists()
    assert not KeyFileChange.objects.exists()


def test_a_file_of_another_ring_brings_nothing_back(
    full: KeyFile, tmp_path: Path, settings: Settings
) -> None:
    settings.KEY_RING_PATH = tmp_path / "other.json"
    keyring.create(tmp_path / "other.json")
    lose_the_database()
    with pytest.raises(Damaged, match=r"^line 1 does not hold"):
        reading.restore(START)
    assert not Team.objects.exists()


def test_a_locked_file_is_waited_for_and_not_read(
    full: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "AT_START", 0)
    lose_the_database()
    with writing.locked(0), pytest.raises(writing.Locked):
        reading.restore(START)
    assert not Team.objects.exists()


def test_a_line_without_end_does_not_fill_the_memory(
    full: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "LONGEST", 1000)
    full.path.write_bytes(full.lines[0] + b"x" * 100_000)
    lose_the_database()
    with pytest.raises(Damaged, match=r"^line 2 "):
        reading.restore(START)


def test_set_up_gives_the_restored_team_an_owner_and_ends_no_key(
    key_file: KeyFile, acme: Team, default_key: ApiKey, issued_default_key: str
) -> None:
    writing.write(within=0)
    digest = default_key.secrets.get().digest
    lose_the_database()
    reading.restore(START)
    token = link_tokens.issue(LinkPurpose.SET_UP, timedelta(days=1))
    digest_of_link = link_tokens.digest_if_usable(LinkPurpose.SET_UP, token)
    assert digest_of_link is not None
    done = onboarding.set_up(
        digest_of_link,
        email="alice@example.com",
        username="alice",
        password=factories.PASSWORD,
        team_name="Acme",
        address="192.0.2.1",
    )
    assert (done.team, done.key_text, done.chatflow) == (acme, "", None)
    live = KeySecret.objects.live(timezone.now()).get(key=done.key)
    assert live.digest == digest


def test_a_deleted_default_key_stays_deleted_when_an_owner_comes(
    key_file: KeyFile, acme: Team, default_key: ApiKey
) -> None:
    keys.delete(default_key, factories.TESTER)
    writing.write(within=0)
    lose_the_database()
    reading.restore(START)
    token = link_tokens.issue(LinkPurpose.SET_UP, timedelta(days=1))
    done = onboarding.set_up(
        link_tokens.digest_if_usable(LinkPurpose.SET_UP, token) or "",
        email="alice@example.com",
        username="alice",
        password=factories.PASSWORD,
        team_name="Acme",
        address="192.0.2.1",
    )
    assert done.key.id != default_key.id
    assert done.key_text


def test_names_that_json_escapes_come_back_as_they_are(key_file: KeyFile, acme: Team) -> None:
    key, _ = keys.add(acme, "Zoë “quoted” \u2028"[:12], factories.TESTER)
    about = details.Details('"}\\ {line}')
    details.change(key, about, factories.TESTER, version=key.version)
    writing.write(within=0)
    assert json.loads(key_file.lines[-1])["name"]
    lose_the_database()
    reading.restore(START)
    assert ApiKey.objects.get(pk=key.pk).name == '"}\\ {line}'
