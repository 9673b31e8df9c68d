"""The contract of readers: they agree with the models in every state, on either database.

The tests' database is SQLite, or PostgreSQL with FLOWLATCH_TEST_DATABASE=postgres.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from accounts.models import ServiceAccount, Team
from accounts.outages import Unavailable
from apikeys import credentials, key_text
from apikeys.bearer import Carrier, Presented
from apikeys.credentials import Credential, State
from apikeys.models import ApiKey, KeySecret
from apikeys.services import keys
from chatflows.access.decisions import Mode, RequestFacts, decide
from chatflows.calls import pruning, reservations, store, usage
from chatflows.calls.reservations import Want
from chatflows.engines.sources import EngineRef, EngineSource
from chatflows.faq import entries as faq_entries
from chatflows.gate.readers.facts import Facts
from chatflows.models import Abort, Chatflow, Selection, UpstreamSecret
from chatflows.predictions import aborts
from chatflows.services import chatflows
from config.asgi import make_reader
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Reading:
    """The shipped reader of the tests' database, in a loop of its own."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._reader = make_reader()

    def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """See AccessReader."""
        return self._runner.run(self._reader.read(public_id, chatflow_id))

    def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """See AccessReader."""
        return self._runner.run(self._reader.engine_source(chatflow_id))

    def models(self, team_id: UUID, key_id: UUID) -> list[tuple[str, UUID]]:
        """See AccessReader."""
        found = self._runner.run(self._reader.models(team_id, key_id))
        return [(model.name, model.chatflow_id) for model in found]

    def aborts(self, *thread_ids: UUID) -> dict[str, float]:
        """See AbortReader."""
        return self._runner.run(self._reader.aborts([str(each) for each in thread_ids]))

    def close(self) -> None:
        """See AccessReader."""

        async def close() -> None:
            self._reader.close()

        self._runner.run(close())


@pytest.fixture
def reader(db: None) -> Iterator[Reading]:
    with asyncio.Runner() as runner:
        reader = Reading(runner)
        yield reader
        reader.close()


def judged(reader: Reading, text: str, chatflow_id: UUID) -> tuple[Credential, int, str]:
    """What the gate makes of a key, from the reader's facts."""
    parsed = key_text.parse(text)
    assert parsed is not None
    facts = reader.read(parsed.public_id, chatflow_id)
    shown = Presented(Carrier.HEADER, text)
    credential = credentials.judge(
        shown.carrier, credentials.read(shown), facts.secret, timezone.now()
    )
    decision = decide(credential, facts.chatflow, RequestFacts())
    return credential, decision.status, decision.code


def updating(row: Model) -> Callable[..., Callable[[], object]]:
    """Make changes of a row's fields, each to be called when its turn comes."""
    rows = type(row)._default_manager.filter(pk=row.pk)
    return lambda **change: lambda: rows.update(**change)


def test_the_reader_agrees_with_the_models_in_every_state(
    reader: Reading, acme: Team, globex: Team
) -> None:
    past, future = timezone.now() - timedelta(seconds=1), timezone.now() + timedelta(days=1)
    flow = factories.chatflow(acme, "Support")
    key, text = factories.key(acme, "crm", flow)
    stranger, strange_text = factories.key(globex, "crm")
    by = factories.TESTER
    account = ServiceAccount.objects.create(team=acme, name="crm", environment="production")
    key_is, flow_is = updating(key), updating(flow)
    team_is, account_is = updating(acme), updating(account)
    # Each step changes the models; the reader sees it at the very next reading.
    steps: list[tuple[Callable[[], object], State, int, str]] = [
        (lambda: None, State.GOOD, 200, "ok"),
        (key_is(disabled_at=past), State.DISABLED, 401, "invalid_token"),
        (key_is(disabled_at=None), State.GOOD, 200, "ok"),
        (key_is(expires_at=past), State.EXPIRED, 401, "invalid_token"),
        (key_is(expires_at=future), State.GOOD, 200, "ok"),
        (key_is(expires_at=None), State.GOOD, 200, "ok"),
        (account_is(disabled_at=past), State.GOOD, 200, "ok"),
        (key_is(service_account=account), State.ACCOUNT_DISABLED, 401, "invalid_token"),
        (account_is(disabled_at=None), State.GOOD, 200, "ok"),
        (account_is(deleted_at=past), State.ACCOUNT_DISABLED, 401, "invalid_token"),
        (account_is(deleted_at=None), State.GOOD, 200, "ok"),
        (account_is(disabled_at=past), State.ACCOUNT_DISABLED, 401, "invalid_token"),
        (key_is(service_account=None), State.GOOD, 200, "ok"),
        (key_is(scopes=[]), State.GOOD, 403, "insufficient_scope"),
        (key_is(scopes=["predictions:create"]), State.GOOD, 200, "ok"),
        (team_is(suspended_at=past), State.TEAM_SUSPENDED, 401, "invalid_token"),
        (team_is(suspended_at=None), State.GOOD, 200, "ok"),
        (Selection.objects.all().delete, State.GOOD, 403, "key_not_selected"),
        (flow_is(access_mode="public"), State.GOOD, 200, "ok"),
        (flow_is(access_mode="off"), State.GOOD, 403, "key_not_selected"),
        (lambda: chatflows.select(key, [flow.id], by), State.GOOD, 403, "chatflow_off"),
        (flow_is(access_mode="keys"), State.GOOD, 200, "ok"),
        (lambda: keys.issue(key, by, replace=True), State.REVOKED, 401, "invalid_token"),
        (lambda: KeySecret.objects.update(ends_at=future), State.GOOD, 200, "ok"),
        (lambda: KeySecret.objects.update(ends_at=None), State.GOOD, 200, "ok"),
        (lambda: KeySecret.objects.update(pepper_version=1), State.GOOD, 200, "ok"),
        (key_is(deleted_at=past), State.REVOKED, 401, "invalid_token"),
        (key_is(deleted_at=None), State.GOOD, 200, "ok"),
        (lambda: Chatflow.objects.filter(pk=flow.pk).delete(), State.GOOD, 404, "not_found"),
        (lambda: ApiKey.objects.filter(pk=key.pk).delete(), State.UNKNOWN, 401, "invalid_token"),
    ]
    for number, (change, state, status, code) in enumerate(steps):
        assert judged(reader, strange_text, flow.id)[1:] == (404, "not_found"), number
        change()
        credential, *answer = judged(reader, text, flow.id)
        assert (credential.state, *answer) == (state, status, code), number
    assert stranger.is_usable


def test_every_field_is_read_as_the_models_hold_it(reader: Reading, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support", mode="public", key_in_url=True)
    key, _ = factories.key(acme, "crm 🔑", flow)
    ends, expires = NOW + timedelta(microseconds=123456), NOW + timedelta(days=3, seconds=1)
    KeySecret.objects.update(ends_at=ends)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=expires)
    stored = KeySecret.objects.get(key=key)
    facts = reader.read(stored.public_id, flow.id)
    secret, access = facts.secret, facts.chatflow
    assert secret is not None
    assert access is not None
    assert (secret.digest, secret.pepper_version) == (stored.digest, stored.pepper_version)
    assert (secret.secret_ends_at, secret.expires_at) == (ends, expires)
    assert (secret.key_id, secret.key_name, secret.team_id) == (key.id, "crm 🔑", acme.id)
    assert secret.public_id == stored.public_id
    assert secret.scopes == {"predictions:create"}
    assert not secret.is_deleted
    assert not secret.is_disabled
    assert not secret.is_team_suspended
    assert not secret.is_account_disabled
    assert (access.id, access.team_id, access.mode) == (flow.id, acme.id, Mode.PUBLIC)
    assert (access.is_key_selected, access.allow_key_in_url) == (True, True)
    assert facts.engine == EngineRef("faq", flow.engine_version)


@pytest.mark.parametrize("day", ["whole second", "microseconds"])
def test_moments_keep_their_zone(reader: Reading, acme: Team, day: str) -> None:
    moment = NOW.replace(microsecond=0 if day == "whole second" else 1)
    key, _ = factories.key(acme, "crm")
    ApiKey.objects.filter(pk=key.pk).update(expires_at=moment)
    facts = reader.read(KeySecret.objects.get(key=key).public_id, factories.NOBODYS_ID)
    assert facts.secret is not None
    assert facts.secret.expires_at == moment


def test_what_is_not_asked_or_not_there_is_none(reader: Reading, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")
    nothing = reader.read(None, factories.NOBODYS_ID)
    assert (nothing.secret, nothing.chatflow, nothing.engine) == (None, None, None)
    assert reader.read("AAAAAAAAAAAA", flow.id).secret is None
    access = reader.read(None, flow.id).chatflow
    assert access is not None
    assert not access.is_key_selected


def test_a_key_without_a_secret_is_never_found(reader: Reading, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")
    for text in ("", "DefaultKey", "' OR 1=1 --", "%", "\0"):
        assert reader.read(text, flow.id).secret is None


def test_the_faq_is_read_in_order_and_renewed_by_version(reader: Reading, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")
    for name in ("b", "a", "c"):
        faq_entries.add(flow, name, name.upper(), factories.TESTER)
    faq_entries.set_fallback(flow, "Sorry.", factories.TESTER)
    source = reader.engine_source(flow.id)
    entries, fallback = list(source.entries), source.fallback
    assert [entry.question for entry in entries] == ["b", "a", "c"]
    assert fallback == "Sorry."
    engine = reader.read(None, flow.id).engine
    assert engine is not None
    assert engine.version == Chatflow.objects.get(pk=flow.pk).engine_version == 5
    with pytest.raises(Unavailable):
        reader.engine_source(factories.NOBODYS_ID)


def test_the_models_of_a_key_are_what_decide_would_let_it_ask(
    reader: Reading, acme: Team, globex: Team
) -> None:
    flows = [
        factories.chatflow(acme, f"{name} {mode}", mode=mode)
        for name in ("mine", "other")
        for mode in ("public", "off", "keys")
    ]
    factories.chatflow(globex, "theirs", mode="public")
    key, text = factories.key(acme, "crm", *[f for f in flows if f.name.startswith("mine")])
    allowed = {f.name for f in flows if judged(reader, text, f.id)[1] == 200}
    assert allowed == {"mine keys", "mine public", "other public"}
    found = reader.models(acme.id, key.id)
    assert [name for name, _ in found] == sorted(allowed)
    assert dict(found)["mine keys"] == next(f.id for f in flows if f.name == "mine keys")
    assert reader.models(globex.id, key.id) == [("theirs", Chatflow.objects.get(name="theirs").id)]


def test_the_one_model_of_a_publishable_key_is_its_own(reader: Reading, acme: Team) -> None:
    flows = {mode: factories.chatflow(acme, mode, mode=mode) for mode in ("public", "off", "keys")}
    for mode, listed in {"public": ["public"], "off": [], "keys": ["keys"]}.items():
        key, _ = factories.publishable(acme, f"for {mode}", flows[mode])
        assert [name for name, _ in reader.models(acme.id, key.id)] == listed


def test_an_upstream_secret_is_read_as_it_is_stored(reader: Reading, acme: Team) -> None:
    flow = factories.chatflow(acme, "Upstream")
    config = {"base_url": "https://flows.example", "é": ["🔑", 1.5, None, True]}
    Chatflow.objects.filter(pk=flow.pk).update(engine="flowise", engine_config=config)
    plain = reader.engine_source(flow.id)
    assert (plain.secret_origin, plain.secret, plain.key_version) == ("", b"", 0)
    secret = bytes(range(256))
    UpstreamSecret.objects.create(
        chatflow=flow, origin="https://flows.example", ciphertext=secret, key_version=3
    )
    source = reader.engine_source(flow.id)
    assert (source.team_id, source.engine, source.config) == (acme.id, "flowise", config)
    assert (source.secret_origin, source.secret) == ("https://flows.example", secret)
    assert source.key_version == 3


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has a version of its own")
def test_a_last_use_leaves_the_stamp_and_all_else_moves_it(acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")
    key, _ = factories.key(acme, "crm", flow)
    mine = ApiKey.objects.filter(pk=key.pk)
    before = stamp()
    mine.update(last_used_at=timezone.now())
    assert stamp() == before
    changes: list[Callable[[], object]] = [
        lambda: mine.update(disabled_at=timezone.now()),
        lambda: mine.update(disabled_at=None, last_used_at=timezone.now()),
        lambda: KeySecret.objects.filter(key=key).update(ends_at=timezone.now()),
        lambda: Chatflow.objects.filter(pk=flow.pk).update(access_mode="off"),
        lambda: Selection.objects.all().delete(),
        lambda: Team.objects.filter(pk=acme.pk).update(suspended_at=timezone.now()),
        lambda: ServiceAccount.objects.create(team=acme, name="crm", environment="staging"),
        lambda: ServiceAccount.objects.update(disabled_at=timezone.now()),
        lambda: ServiceAccount.objects.all().delete(),
        lambda: faq_entries.add(flow, "q", "a", factories.TESTER),
        lambda: KeySecret.objects.filter(key=key).delete(),
    ]
    for number, change in enumerate(changes):
        change()
        after = stamp()
        assert after != before, number
        before = after


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has a version of its own")
def test_a_batch_of_records_leaves_the_stamp(acme: Team) -> None:
    """Else every batch would make every process read all its rows anew."""
    flow = factories.chatflow(acme, "Support")
    key, _ = factories.key(acme, "crm", flow)
    before, call, later = stamp(), uuid4(), timezone.now() + timedelta(hours=1)
    month = usage.month_of(timezone.now())
    wants = [Want(key.id, 5, 5, 100, 100), Want(flow.id, 5, 5, 100, 100)]
    assert reservations.reserve(call, acme.id, month, wants, later) is None
    record = factories.call(flow, key, origin="https://shop.example", tokens=3, cost=3)
    store.write([record._replace(reservation=call), record])
    reservations.run_out(Event())
    pruning.delete_old(Event())
    assert stamp() == before


def stamp() -> int:
    """PostgreSQL's number for the state of everything that opens a door."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT stamp FROM chatflows_accessstamp")
        found: int = cursor.fetchone()[0]
        return found


def test_an_abort_is_read_with_its_age_and_swept_after_a_minute(reader: Reading) -> None:
    stopped, older, running = UUID(int=1 << 127), UUID(int=2), UUID(int=3)
    aborts.note(older)
    Abort.objects.update(at=timezone.now() - timedelta(seconds=30))
    aborts.note(stopped)
    found = reader.aborts(stopped, older, running)
    assert set(found) == {str(stopped), str(older)}
    assert 0 <= found[str(stopped)] < 20
    assert 30 <= found[str(older)] < 50
    assert reader.aborts() == reader.aborts(running) == {}
    aborts.note(older)
    assert reader.aborts(older)[str(older)] < 20
    Abort.objects.filter(pk=stopped).update(at=timezone.now() - timedelta(seconds=61))
    aborts.note(running)
    assert set(reader.aborts(stopped, older, running)) == {str(older), str(running)}
