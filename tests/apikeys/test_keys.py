"""API keys: their services. The text is returned once and lies in no table."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.crypto import digests
from accounts.models import AuditEvent, Team, User
from accounts.permissions import Actor
from apikeys.models import ApiKey, KeySecret, Status
from apikeys.services import keys
from chatflows.models import Chatflow
from chatflows.services import chatflows
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db


def actions(team: Team) -> list[str]:
    events = AuditEvent.objects.filter(team_id=team.id).order_by("sequence")
    return list(events.values_list("action", flat=True))


def test_a_created_key_has_no_secret_and_opens_nothing(acme: Team, by_alice: Actor) -> None:
    key = keys.create(acme, "crm-sync", by_alice)
    assert key.status is Status.UNISSUED
    assert key not in ApiKey.objects.usable()
    assert key.hint_parts == ("", "", "")
    assert key.scopes == ["predictions:create"]


def test_issuing_gives_the_text_whose_digest_is_stored(acme: Team, by_alice: Actor) -> None:
    key = keys.create(acme, "crm-sync", by_alice)
    text = keys.issue(key, by_alice)
    secret = KeySecret.objects.get(key=key)
    assert digests.pepper_digest(text, secret.pepper_version)[1] == secret.digest
    assert text.split("_")[2] == secret.public_id
    assert key.status is Status.ACTIVE
    assert key in ApiKey.objects.usable()


def test_a_second_issue_is_refused_and_changes_nothing(
    acme: Team, default_key: ApiKey, issued_default_key: str, by_alice: Actor
) -> None:
    before = factories.dump()
    with pytest.raises(keys.AlreadyIssued):
        keys.issue(default_key, by_alice)
    assert factories.dump() == before


def test_replacing_ends_the_old_secret_at_once(integration: Integration, by_alice: Actor) -> None:
    text = keys.issue(integration.key, by_alice, replace=True)
    assert text != integration.text
    old, new = KeySecret.objects.filter(key=integration.key).order_by("id")
    assert old.ends_at is not None
    assert old.ends_at <= timezone.now()
    assert new.ends_at is None
    assert new.public_id == text.split("_")[2]
    assert actions(integration.key.team)[-1] == "api_key.replace_secret"
    fresh = ApiKey.objects.get(pk=integration.key.pk)
    assert fresh.hint_parts[1] == new.public_id[:4]


def test_a_secret_that_ended_can_be_issued_anew(integration: Integration, by_alice: Actor) -> None:
    KeySecret.objects.update(ends_at=timezone.now())
    assert ApiKey.objects.get(pk=integration.key.pk).status is Status.UNISSUED
    keys.issue(integration.key, by_alice)
    assert actions(integration.key.team)[-1] == "api_key.issue_secret"


def test_disabling_and_enabling_turn_it_off_and_on(
    integration: Integration, by_alice: Actor
) -> None:
    key = integration.key
    keys.disable(key, by_alice)
    assert key.status is Status.DISABLED
    assert key not in ApiKey.objects.usable()
    keys.enable(key, by_alice)
    assert key in ApiKey.objects.usable()
    assert actions(key.team)[-2:] == ["api_key.disable", "api_key.enable"]


def test_disabling_twice_is_one_change(integration: Integration, by_alice: Actor) -> None:
    keys.disable(integration.key, by_alice)
    before = factories.dump()
    keys.disable(integration.key, by_alice)
    assert factories.dump() == before


def test_a_deleted_key_keeps_its_name_and_frees_it(
    integration: Integration, by_alice: Actor, acme: Team
) -> None:
    keys.delete(integration.key, by_alice)
    deleted = ApiKey.objects.get(pk=integration.key.pk)
    assert deleted.name == "crm-sync"
    assert deleted.deleted_at is not None
    assert deleted not in ApiKey.objects.kept()
    assert deleted not in ApiKey.objects.usable()
    again = keys.create(acme, "CRM-sync", by_alice)
    assert again.pk != deleted.pk


def test_a_replacement_opens_only_what_would_have_closed(
    acme: Team, faq: Chatflow, integration: Integration, by_alice: Actor
) -> None:
    lonely = factories.chatflow(acme, "Only this key")
    public = factories.chatflow(acme, "Public", mode="public")
    shared = factories.chatflow(acme, "Two keys")
    second, _ = factories.key(acme, "second", shared)
    chatflows.select(integration.key, [lonely.id, public.id, shared.id], by_alice)
    keys.delete(integration.key, by_alice, replacement=second)
    opened = set(Chatflow.objects.filter(selections__key=second))
    assert opened == {faq, lonely, shared}  # faq and lonely: DefaultKey there has no secret


def test_a_replacement_of_another_team_opens_nothing(
    integration: Integration, globex: Team, faq: Chatflow, by_alice: Actor
) -> None:
    foreign, _ = factories.key(globex, "foreign")
    keys.delete(integration.key, by_alice, replacement=foreign)
    assert not foreign.selections.exists()


def test_names_are_taken_without_regard_to_case(acme: Team, by_alice: Actor) -> None:
    for taken in ("DefaultKey", "defaultkey", "DEFAULTKEY"):
        with pytest.raises(ValidationError) as caught:
            keys.create(acme, taken, by_alice)
        assert "The team has a key of this name." in caught.value.messages


def test_names_outside_ascii_are_taken_without_regard_to_case(acme: Team, by_alice: Actor) -> None:
    keys.create(acme, "Übung", by_alice)
    with pytest.raises(ValidationError):
        keys.create(acme, "übung", by_alice)


def test_the_database_itself_refuses_a_second_key_of_a_name(acme: Team) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.create(team=acme, name="DEFAULTkey")


def test_two_teams_can_have_a_key_of_one_name(acme: Team, globex: Team, by_alice: Actor) -> None:
    assert keys.create(acme, "crm", by_alice).name == keys.create(globex, "crm", by_alice).name


@pytest.mark.parametrize("name", ["", "x" * 65, "x" * 10_000])
def test_a_name_that_is_no_name_is_refused_with_the_field(
    acme: Team, by_alice: Actor, name: str
) -> None:
    before = factories.dump()
    with pytest.raises(ValidationError) as caught:
        keys.create(acme, name, by_alice)
    assert set(caught.value.message_dict) == {"name"}
    assert factories.dump() == before


def test_a_name_of_spaces_is_empty(acme: Team, by_alice: Actor) -> None:
    with pytest.raises(ValidationError):
        keys.create(acme, "   ", by_alice)


@pytest.mark.parametrize("scope", ["nonsense", "PREDICTIONS:CREATE", "", "predictions:create "])
def test_a_scope_that_no_key_can_hold_is_refused(acme: Team, by_alice: Actor, scope: str) -> None:
    with pytest.raises(ValidationError) as caught:
        keys.create(acme, "crm", by_alice, scopes=["predictions:create", scope])
    assert "scopes" in caught.value.message_dict


def test_a_key_opens_no_door_of_another_team(acme: Team, globex: Team, by_alice: Actor) -> None:
    foreign = factories.chatflow(globex, "Foreign")
    key, _ = keys.add(acme, "crm", by_alice, opens=[foreign.id, factories.NOBODYS_ID])
    assert not key.selections.exists()


def test_the_text_is_in_no_column_of_any_table(
    acme: Team, alice: User, faq: Chatflow, by_alice: Actor
) -> None:
    key, text = keys.add(acme, "crm", by_alice, opens=[faq.id], created_by=alice)
    replaced = keys.issue(key, by_alice, replace=True)
    dump = factories.dump()
    for secret in (text, replaced):
        _, _, public_id, tail = secret.split("_")
        assert public_id in dump  # the search does find what is there
        for piece in (secret, tail, tail[:-6], tail[:20], tail.encode().hex()):
            assert piece not in dump


def test_each_change_leaves_its_row_and_the_chain_holds(
    integration: Integration, by_alice: Actor
) -> None:
    key = integration.key
    keys.disable(key, by_alice)
    keys.enable(key, by_alice)
    keys.issue(key, by_alice, replace=True)
    keys.delete(key, by_alice)
    assert actions(key.team)[-4:] == [
        "api_key.disable",
        "api_key.enable",
        "api_key.replace_secret",
        "api_key.delete",
    ]
    last = AuditEvent.objects.filter(team_id=key.team_id).latest("sequence")
    assert (last.actor_name, last.target_name, last.address) == ("alice", "crm-sync", "192.0.2.1")
    assert audit.verify(key.team_id) is None


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [
        (-2, Status.EXPIRED, "Expired"),
        (3.5, Status.EXPIRING, "Expires in 3 days"),
        (0.5, Status.EXPIRING, "Expires within a day or two"),
        (30, Status.ACTIVE, "Active"),
    ],
)
def test_the_status_follows_the_expiry(
    integration: Integration, days: float, status: Status, words: str
) -> None:
    key = integration.key
    key.expires_at = timezone.now() + timedelta(days=days)
    key.save()
    assert key.status is status
    assert key.status_words.startswith(words)
    assert key.is_usable is ApiKey.objects.usable().filter(pk=key.pk).exists()


def test_usable_keys_are_counted_for_each_chatflow(
    acme: Team, faq: Chatflow, integration: Integration, by_alice: Actor
) -> None:
    other = factories.chatflow(acme, "Other")
    second, _ = factories.key(acme, "second", faq, other)
    third, _ = factories.key(acme, "third", faq)
    keys.disable(third, by_alice)

    def counts() -> dict[str, int]:
        rows = Chatflow.objects.of(acme).with_usable_keys()
        return {row.name: getattr(row, "usable_keys") for row in rows}  # noqa: B009

    assert counts() == {"Support FAQ": 2, "Other": 1}
    keys.issue(second, by_alice, replace=True)  # two secrets, one of them ended: still one key
    assert counts() == {"Support FAQ": 2, "Other": 1}
    keys.delete(second, by_alice)
    assert counts() == {"Support FAQ": 1, "Other": 0}


@pytest.mark.parametrize(
    "name",
    ["\u200b", "\u3164", "DefaultKey\u200b", "a\nb", "a\x1b[2J", "\u202eevil", "\x7f", "a\u2028b"],
)
def test_a_name_that_cannot_be_seen_is_refused(acme: Team, by_alice: Actor, name: str) -> None:
    with pytest.raises(ValidationError, match="visible characters"):
        keys.create(acme, name, by_alice)


@pytest.mark.parametrize(
    "name",
    ["crm-sync", "Übung 2", "نامه\u200cها", "👩\u200d💻 build", "日本"],  # noqa: RUF001
)
def test_a_name_of_any_script_is_taken(acme: Team, by_alice: Actor, name: str) -> None:
    assert keys.create(acme, name, by_alice).name == name
