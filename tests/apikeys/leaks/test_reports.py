"""Reports of leaked keys: what stops, what is told, and what never is."""

import json
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import worker
from accounts.limits import stores
from accounts.models import AuditEvent, Team
from apikeys import key_text
from apikeys.leaks import reports
from apikeys.leaks.candidates import Found, candidates
from apikeys.models import ApiKey, LeakCandidate
from apikeys.services import keys, recipients
from apikeys.services.life import rotation
from chatflows.models import Chatflow
from tests import factories
from tests.config.openapi.callers import Caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


@pytest.fixture(autouse=True)
def nobody_has_reported() -> None:
    stores.process.__init__()  # type: ignore[misc]


def report(text: str, source: str = "") -> Any:
    return Caller("").client.post(
        "/api/v1/leak-reports",
        {"text": text, "source": source},
        content_type="application/json",
        REMOTE_ADDR="198.51.100.7",
    )


def test_a_live_secret_key_stops_and_its_people_are_told(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(recipients, "tell", lambda *mail: told.append(mail))
    key, text = factories.key(acme, "leaked")
    answer = report(f"KEY={text}\n", "https://paste.example/1")
    assert answer.status_code == 202
    assert Caller(text)("GET", "/apikey/self").status_code == 401
    key.refresh_from_db()
    assert key.disabled_at is not None
    event = AuditEvent.objects.get(action="api_key.leak_report")
    assert event.after is not None
    assert event.after["source"] == "https://paste.example/1"
    assert event.after["network"] == "198.51.100.0/24"
    ((kind, _, values, _),) = told
    assert (kind, values["key_name"]) == ("key_leaked", "leaked")
    assert text not in str(values)
    assert not LeakCandidate.objects.exists()


def test_every_report_gets_the_same_answer(acme: Team, faq: Chatflow) -> None:
    disabled, of_disabled = factories.key(acme, "disabled")
    keys.disable(disabled, TESTER)
    texts = [
        "",
        "nothing here",
        key_text.generate().text,
        factories.key(acme, "live")[1],
        of_disabled,
        factories.publishable(acme, "widget", faq)[1],
    ]
    answers = {factories.without_id_and_time(report(text)) for text in texts}
    assert len(answers) == 1


def test_what_does_not_work_any_more_is_left_alone(acme: Team) -> None:
    soon = timezone.now() + timedelta(hours=1)
    key, text = keys.add(acme, "expired", TESTER, expires_at=soon)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
    revoked, of_revoked = factories.key(acme, "revoked")
    rotation.revoke_secrets(revoked, TESTER)
    deleted, of_deleted = factories.key(acme, "deleted")
    keys.delete(deleted, TESTER)
    for each in (text, of_revoked, of_deleted):
        report(each)
    assert not AuditEvent.objects.filter(action="api_key.leak_report").exists()


def test_the_old_text_of_a_rotation_counts_too(acme: Team) -> None:
    key, old = factories.key(acme, "rotated")
    rotation.rotate(key, TESTER, overlap=timedelta(hours=1))
    report(old)
    key.refresh_from_db()
    assert key.disabled_at is not None


def test_a_publishable_text_is_counted_on_its_page_and_changes_nothing(
    acme: Team, faq: Chatflow, as_vera: Client
) -> None:
    key, text = factories.publishable(acme, "widget", faq)
    report(text)
    report(text)
    key.refresh_from_db()
    assert (key.leak_reports, key.disabled_at) == (2, None)
    page = as_vera.get(f"/t/acme/keys/{key.id}/").content.decode()
    assert "Reported as leaked 2 times" in page


def test_a_known_id_with_another_secret_stops_nothing(acme: Team) -> None:
    key, _ = factories.key(acme, "live")
    public_id = key.live_secrets[0].public_id
    other = key_text.generate().text.replace(key_text.generate().public_id, "")
    body = f"flk_sk_{public_id}_{other[20:63]}"
    report(body + key_text.checksum(body))
    key.refresh_from_db()
    assert key.disabled_at is None


def test_githubs_array_is_taken_as_it_comes(acme: Team) -> None:
    key, text = factories.key(acme, "on github")
    match = {
        "token": text,
        "type": "flowlatch_secret_key",
        "url": "https://github.com/acme/shop/blob/1/.env",
        "source": "content",
        "more": {"of": "theirs"},
    }
    answer = Client().post("/api/v1/leak-reports", [match], content_type="application/json")
    assert answer.status_code == 202
    key.refresh_from_db()
    assert key.disabled_at is not None
    event = AuditEvent.objects.get(action="api_key.leak_report")
    assert event.after is not None
    assert event.after["source"].startswith("https://github.com/acme")


def test_beyond_ten_reports_a_minute_nothing_is_done_and_nothing_is_said(acme: Team) -> None:
    answers = {factories.without_id_and_time(report("nothing")) for _ in range(10)}
    key, text = factories.key(acme, "lucky")
    answers.add(factories.without_id_and_time(report(text)))
    key.refresh_from_db()
    assert key.disabled_at is None
    assert len(answers) == 1


def test_only_the_first_hundred_candidates_count() -> None:
    texts = [key_text.generate().text for _ in range(150)]
    assert len(candidates([Found("\n".join(texts))])) == 100


def test_copies_of_a_key_count_once() -> None:
    one, other = key_text.generate(), key_text.generate()
    found = candidates([Found("\n".join([one.text] * 150 + [other.text]))])
    assert [each.public_id for each in found] == [one.public_id, other.public_id]


def test_a_text_that_was_cut_off_does_not_hide_the_next_one() -> None:
    cut, whole = key_text.generate().text[:-3], key_text.generate()
    assert [each.public_id for each in candidates([Found(cut + whole.text)])] == [whole.public_id]


def test_the_worker_looks_soon_enough_to_keep_the_promise_of_two_seconds() -> None:
    (job,) = (job for job in worker.jobs() if job.run == reports.handle)
    assert job.every <= timedelta(seconds=1)


def test_a_text_of_a_report_is_in_no_row_and_no_log(
    acme: Team, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    _, text = factories.key(acme, "leaked")
    report(f"token {text} <script>alert(1)</script>", "<b>here</b>\x07")
    assert text not in factories.dump()
    assert text[20:] not in factories.dump()
    logged = caplog.text + "".join(capsys.readouterr())
    assert "leaked key disabled" in logged
    assert text[20:] not in logged


def test_what_a_killed_process_left_is_handled_by_the_worker(acme: Team) -> None:
    key, text = factories.key(acme, "left")
    (found,) = candidates([Found(text)])
    LeakCandidate.objects.create(
        public_id=found.public_id, digests=[list(pair) for pair in found.digests]
    )
    reports.handle(Event())
    key.refresh_from_db()
    assert key.disabled_at is not None


def test_a_person_reports_on_a_page(acme: Team) -> None:
    key, text = factories.key(acme, "found")
    browser = Client()
    assert "Report a leaked key" in browser.get("/leaked-key/").content.decode()
    answer = browser.post("/leaked-key/", {"text": f"see {text}", "source": "a chat"})
    assert "stops working within seconds" in answer.content.decode()
    assert text not in answer.content.decode()
    key.refresh_from_db()
    assert key.disabled_at is not None


def test_a_text_too_long_for_the_page_is_refused_and_not_thanked_for(acme: Team) -> None:
    key, text = factories.key(acme, "at the end")
    answer = Client().post("/leaked-key/", {"text": "a" * 65_536 + text})
    assert answer.status_code == 422
    assert "at most 65,536 characters" in answer.content.decode()
    assert "Thank you" not in answer.content.decode()
    assert text not in answer.content.decode()
    key.refresh_from_db()
    assert key.disabled_at is None


def test_the_login_page_names_the_page_for_reports() -> None:
    assert 'href="/leaked-key/"' in Client().get("/login/", follow=True).content.decode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"text": 5}', 422),
        (b'{"text": "a", "text": "b"}', 400),
        (b'{"text": "' + b"a" * 66_000 + b'"}', 413),
        (b'[{"type": "x"}]', 422),
    ],
)
def test_a_body_that_is_no_report_is_refused(body: bytes, status: int) -> None:
    answer = Client().post("/api/v1/leak-reports", body, content_type="application/json")
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": 1}, "text"),
        ({"text": "a", "digest": "b"}, "digest"),
        ([{"type": "flk"}], "0.token"),
        ([[]], "0.token"),
        ("text", "body"),
        (None, "body"),
    ],
)
def test_a_report_of_another_form_is_refused_by_the_names_that_were_sent(
    db: None, body: object, field: str
) -> None:
    answer = Caller("")("POST", "/leak-reports", json.dumps(body).encode())
    assert answer.status_code == 422, answer.content
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert "extract" not in error["message"]
