"""Calls: what the recorder writes, whose it is, and that a batch is written once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Team
from apikeys.credentials import Renewal
from apikeys.models import ApiKey, KeySecret
from chatflows.calls import store, usage
from chatflows.models import Call, Chatflow, Conversation, Message
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db


def test_a_batch_leaves_calls_last_uses_and_turns(faq: Chatflow, integration: Integration) -> None:
    key = integration.key
    turn = factories.turn(faq, str(key.id), "c1")
    store.write([factories.call(faq, key, turn=turn)])
    call = Call.objects.get()
    assert (call.team_id, call.chatflow_id, call.key_id) == (faq.team_id, faq.id, key.id)
    assert (call.allowed, call.status, call.reason) == (True, 200, "ok")
    assert call.reason_words
    assert ApiKey.objects.get(pk=key.pk).last_used_at is not None
    message = Message.objects.get()
    assert (str(message.id), message.question) == (turn.message_id, "What is Flowlatch?")


def test_a_call_that_read_nothing_is_the_chatflows_teams(faq: Chatflow) -> None:
    store.write([factories.call(faq, team_id=None, allowed=False, reason="malformed")])
    assert Call.objects.get().team_id == faq.team_id


def test_an_unknown_chatflow_is_recorded_nowhere(faq: Chatflow) -> None:
    nowhere = factories.call(faq, chatflow_id=factories.NOBODYS_ID, team_id=None)
    store.write([nowhere])
    assert not Call.objects.exists()


def test_a_team_that_is_gone_takes_its_records_along(
    faq: Chatflow, globex: Team, integration: Integration
) -> None:
    record = factories.call(faq, integration.key)
    other = factories.call(factories.chatflow(globex, "Other"))
    faq.team.delete()
    store.write([record, other])
    assert Call.objects.get().team_id == globex.id


def test_a_call_with_a_key_to_a_foreign_chatflow_is_the_keys_teams(
    integration: Integration, globex: Team
) -> None:
    foreign = factories.chatflow(globex, "Foreign")
    refused = {"allowed": False, "status": 404, "code": "not_found", "reason": "no_chatflow"}
    team_id = integration.key.team_id
    store.write([factories.call(foreign, integration.key, team_id=team_id, **refused)])
    assert Call.objects.get().team_id == team_id
    assert not Call.objects.latest_of(foreign, 20).exists()


def test_last_used_is_the_latest_and_never_goes_back(
    faq: Chatflow, integration: Integration
) -> None:
    now = timezone.now()
    for minutes in ([5, 1, 3], [9]):
        times = [now - timedelta(minutes=m) for m in minutes]
        store.write([factories.call(faq, integration.key, at=at) for at in times])
    assert ApiKey.objects.get(pk=integration.key.pk).last_used_at == now - timedelta(minutes=1)


def test_a_refused_call_is_no_use_of_the_key(faq: Chatflow, integration: Integration) -> None:
    store.write([factories.call(faq, integration.key, allowed=False, status=403)])
    assert ApiKey.objects.get(pk=integration.key.pk).last_used_at is None


def test_a_batch_moves_the_digests_that_were_proved_under_a_newer_pepper(
    faq: Chatflow, integration: Integration
) -> None:
    renewal = Renewal(2, "d" * 64)
    usual = factories.call(faq, integration.key)
    with CaptureQueriesContext(connection) as without:
        store.write([usual])
    assert not any("apikeys_keysecret" in each["sql"] for each in without)
    secret = KeySecret.objects.get(key=integration.key)
    call = factories.call(faq, integration.key, public_id=secret.public_id, renewal=renewal)
    store.write([call, call])
    secret.refresh_from_db()
    assert (secret.pepper_version, secret.digest) == renewal


def test_the_same_chat_id_of_two_callers_is_two_conversations(
    faq: Chatflow, acme: Team, integration: Integration
) -> None:
    second, _ = factories.key(acme, "second", faq)
    callers = [str(integration.key.id), str(second.id), ""]
    for _ in range(2):
        turns = [factories.turn(faq, caller, "shared", question=caller) for caller in callers]
        store.write([factories.call(faq, turn=turn) for turn in turns])
    assert Conversation.objects.count() == 3
    for conversation in Conversation.objects.all():
        questions = set(conversation.messages.values_list("question", flat=True))
        assert questions == {conversation.caller}
        assert conversation.messages.count() == 2


def test_the_same_chat_id_on_two_chatflows_is_two_conversations(faq: Chatflow, acme: Team) -> None:
    other = factories.chatflow(acme, "Other")
    store.write([factories.call(f, turn=factories.turn(f, "", "c1")) for f in (faq, other)])
    assert Conversation.objects.count() == 2


def test_many_turns_of_one_batch_share_a_conversation(faq: Chatflow) -> None:
    turns = [factories.turn(faq, "", "c1") for _ in range(500)]
    store.write([factories.call(faq, turn=turn) for turn in turns])
    assert Conversation.objects.get().messages.count() == 500


def test_a_turn_of_a_chatflow_that_is_gone_is_let_go(faq: Chatflow) -> None:
    record = factories.call(faq, turn=factories.turn(faq, "", "c1"))
    faq.delete()
    store.write([record])
    assert not Message.objects.exists()
    assert Call.objects.count() == 1  # the record outlives its chatflow


@pytest.mark.django_db(transaction=True)  # a failure closes the connection
def test_after_a_failure_the_batch_is_written_once(
    faq: Chatflow, integration: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [factories.call(faq, integration.key, turn=factories.turn(faq, "", "c1"))]
    before = factories.dump()
    with monkeypatch.context() as patched:
        patched.setattr(store, "_keep_turns", fail)
        with pytest.raises(DatabaseError):
            store.write(batch)
    assert factories.dump() == before
    store.write(batch)
    assert (Call.objects.count(), Message.objects.count()) == (1, 1)


def fail(*_: object) -> None:
    raise DatabaseError


@pytest.mark.django_db(transaction=True)
def test_a_prune_that_fails_does_not_make_the_batch_fail(
    faq: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "prune", fail)
    monkeypatch.setattr(store, "PRUNE_EVERY", 1)
    store.write([factories.call(faq, turn=factories.turn(faq, "", "c1"))])


@pytest.mark.django_db(transaction=True)
def test_a_batch_given_twice_is_no_poison(faq: Chatflow) -> None:
    batch = [factories.call(faq, turn=factories.turn(faq, "", "c1"))]
    store.write(batch)
    store.write(batch)


def test_pruning_keeps_the_newest_of_each_team(faq: Chatflow, globex: Team) -> None:
    other = factories.chatflow(globex, "Other")
    store.write([factories.call(faq, status=200 + n) for n in range(10)])
    store.write([factories.call(other)])
    store.prune(keep=3)
    assert sorted(Call.objects.of(faq.team).values_list("status", flat=True)) == [207, 208, 209]
    assert Call.objects.of(globex).count() == 1
    store.prune(keep=100)
    assert Call.objects.count() == 4


def test_an_empty_batch_is_nothing() -> None:
    store.write([])
    assert not Call.objects.exists()


def test_pages_count_only_their_own_calls(
    faq: Chatflow, integration: Integration, globex: Team
) -> None:
    old = timezone.now() - timedelta(days=20)
    store.write([factories.call(faq, integration.key), factories.call(faq, at=old)])
    store.write([factories.call(factories.chatflow(globex, "Other"))])
    assert usage.calls_of_chatflow(faq, 14) == 1
    assert usage.calls_of_key(integration.key, 14) == 1
    assert len(Call.objects.latest_of(faq, 1)) == 1


@pytest.mark.parametrize(
    "text", ["🔑" * 10_000, "\u202e<script>", "'; DROP TABLE x; --", '"],["\\', "\\u0041%s{0}"]
)
def test_whatever_a_caller_says_is_kept_as_it_is(faq: Chatflow, text: str) -> None:
    turn = factories.turn(faq, "", text[:255], question=text, answer=text)
    store.write([factories.call(faq, turn=turn)])
    message = Message.objects.get()
    assert (message.question, message.answer) == (text, text)
    assert isinstance(message.id, UUID)
    assert message.conversation.chat_id == text[:255]


def test_a_keys_name_breaks_no_row(faq: Chatflow, integration: Integration) -> None:
    name = '"],["%s\\\'; --'
    store.write([factories.call(faq, integration.key, key_name=name)])
    assert Call.objects.get().key_name == name


# Half a character is no text to any database; PostgreSQL refuses what is too long for a column.
@pytest.mark.parametrize("bad", [{"key_name": "\ud83d"}, {"client_address": "1" * 100}])
def test_a_record_that_the_database_refuses_holds_up_no_other(
    faq: Chatflow, bad: dict[str, Any]
) -> None:
    good = [factories.call(faq, request_id=name) for name in ("req_1", "req_2")]
    store.write([good[0], factories.call(faq, **bad), good[1]])
    assert set(Call.objects.values_list("request_id", flat=True)) >= {"req_1", "req_2"}
    is_refused = connection.vendor == "postgresql" or "key_name" in bad
    assert Call.objects.count() == (2 if is_refused else 3)
