"""The holder's page: a key's text opens a visit of that key alone, for 15 minutes."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import LockOut
from apikeys.models import ApiKey, KeySecret, KeyVisit
from apikeys.services import keys
from chatflows.calls import store
from chatflows.models import Call
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

COOKIE = "flowlatch-key"
CSRF = re.compile(r"\b\w{64}\b")
NOT_OURS = "flk_sk_" + "a" * 12 + "_" + "b" * 43 + "000000"


def open_with(text: object, browser: Client | None = None, **headers: Any) -> Any:
    return (browser or Client()).post("/key", {"text": text}, **headers)


def body(response: Any) -> str:
    found = re.sub(r'id="req_\w+"|req_\w+', "", CSRF.sub("", response.content.decode()))
    return f"{response.status_code} {found}"


def test_a_text_opens_the_page_of_its_key_and_of_nothing_else(integration: Integration) -> None:
    hidden = factories.chatflow(integration.key.team, "HR handbook")
    store.write([factories.call(hidden, integration.key, allowed=False, status=403,
                                code="key_not_selected", reason="not_selected")])  # fmt: skip
    assert Call.objects.get().code == "key_not_selected"
    browser = Client()
    opened = open_with(f" {integration.text}\n", browser)
    assert (opened.status_code, opened["Location"]) == (302, "/key")
    cookie = opened.cookies[COOKIE]
    assert (cookie["path"], cookie["samesite"], cookie["max-age"]) == ("/key", "Strict", 900)
    assert cookie["httponly"]
    page = browser.get("/key").content.decode()
    assert integration.key.name in page
    assert "does not open this chatflow" in page
    assert "HR handbook" not in page
    assert integration.text not in page
    assert integration.text not in opened.content.decode() + str(opened.headers)
    assert cookie.value not in KeyVisit.objects.get().digest


def test_every_wrong_text_gets_the_same_answer_after_the_same_statements(
    integration: Integration,
) -> None:
    team = integration.key.team
    flow = factories.chatflow(team, "Shop")
    public_id = KeySecret.objects.get(key=integration.key).public_id
    texts = [NOT_OURS, "flk_sk_short", "x" * 100_000, "nul\0", public_id]
    texts.append(integration.text[:-1] + "!")
    texts.append(factories.publishable(team, "web", flow)[1])
    for state in ("expired", "disabled", "deleted"):
        key, text = factories.key(team, state)
        now = timezone.now()
        change = {"expired": "expires_at", "disabled": "disabled_at", "deleted": "deleted_at"}
        ApiKey.objects.filter(pk=key.pk).update(**{change[state]: now})
        texts.append(text)
    revoked, text = factories.key(team, "revoked")
    KeySecret.objects.filter(key=revoked).end(timezone.now())
    elsewhere, text_elsewhere = factories.key(team, "elsewhere")
    ApiKey.objects.filter(pk=elsewhere.pk).update(networks=["198.51.100.0/24"])
    texts += [text, text_elsewhere]
    answers, counts = set(), set()
    for each in texts:
        LockOut.objects.all().delete()
        with CaptureQueriesContext(connection) as asked:
            answers.add(body(open_with(each)))
        counts.add(len(asked))
        assert not any(each in query["sql"] for query in asked if len(each) > 20)
    assert len(answers) == 1, answers
    assert answers.pop().startswith("422")
    assert len(counts) == 1
    assert not KeyVisit.objects.exists()


def test_a_key_bound_to_web_pages_is_not_opened_from_another(integration: Integration) -> None:
    ApiKey.objects.filter(pk=integration.key.pk).update(origins=["https://shop.acme.example"])
    refused = open_with(integration.text, HTTP_ORIGIN="http://testserver")
    assert refused.status_code in (403, 422)
    assert not KeyVisit.objects.exists()


def test_ten_wrong_texts_close_the_network_and_no_other(integration: Integration) -> None:
    for _ in range(5):
        assert open_with(integration.text, REMOTE_ADDR="203.0.113.9").status_code == 302
    for _ in range(10):
        assert open_with(NOT_OURS, REMOTE_ADDR="203.0.113.7").status_code == 422
    closed = open_with(integration.text, REMOTE_ADDR="203.0.113.8")
    assert closed.status_code == 429
    assert 890 < int(closed["Retry-After"]) <= 900
    assert open_with(integration.text, REMOTE_ADDR="198.51.100.7").status_code == 302
    past = timezone.now() - timedelta(minutes=15)
    LockOut.objects.update(last_failed_at=past)
    assert open_with(integration.text, REMOTE_ADDR="203.0.113.8").status_code == 302


@pytest.mark.parametrize("column", ["disabled_at", "deleted_at", "expires_at", "networks", "team"])
def test_a_visit_ends_with_its_key(integration: Integration, column: str) -> None:
    browser = Client()
    open_with(integration.text, browser)
    assert "Leave" in browser.get("/key").content.decode()
    mine = ApiKey.objects.filter(pk=integration.key.pk)
    if column == "networks":
        mine.update(networks=["198.51.100.0/24"])
    elif column == "team":
        type(integration.key.team).objects.update(suspended_at=timezone.now())
    else:
        mine.update(**{column: timezone.now()})
    assert "Open my key" in browser.get("/key").content.decode()


def test_leaving_ends_the_visit_and_the_copies_of_its_cookie(integration: Integration) -> None:
    browser = Client()
    open_with(integration.text, browser)
    copy = Client()
    copy.cookies[COOKIE] = browser.cookies[COOKIE].value
    assert "Leave" in copy.get("/key").content.decode()
    assert browser.post("/key/leave").status_code == 302
    assert "Open my key" in copy.get("/key").content.decode()


def test_a_visit_ends_by_itself(integration: Integration) -> None:
    browser = Client()
    open_with(integration.text, browser)
    KeyVisit.objects.update(ends_at=timezone.now())
    assert "Open my key" in browser.get("/key").content.decode()


def test_a_form_with_more_than_the_page_has_does_nothing(integration: Integration) -> None:
    doubled = Client().post("/key", {"text": [integration.text, integration.text]})
    foreign = Client().post("/key", {"text": integration.text, "team": "globex"})
    assert (doubled.status_code, foreign.status_code) == (422, 422)
    assert integration.text not in doubled.content.decode() + foreign.content.decode()
    assert not KeyVisit.objects.exists()


def test_a_slash_at_the_end_leads_to_the_page() -> None:
    assert Client().get("/key/")["Location"] == "/key"


def test_nothing_is_counted_where_nothing_was_typed() -> None:
    assert open_with(" ").status_code == 422
    assert not LockOut.objects.exists()


def test_the_page_asks_as_much_however_many_rows_there_are(integration: Integration) -> None:
    team = integration.key.team
    asked = []
    for number in (1, 8):
        flows = [factories.chatflow(team, f"Shop {number} {each}") for each in range(number)]
        key, text = factories.key(team, f"shop {number}", *flows)
        store.write([factories.call(flow, key) for flow in flows])
        browser = Client()
        open_with(text, browser)
        with CaptureQueriesContext(connection) as captured:
            assert f"Opens {number} chatflow" in browser.get("/key").content.decode()
        asked.append(len(captured))
    assert asked[0] == asked[1] <= 20


@pytest.mark.parametrize("made", ["disabled key", "nobody"])
def test_without_a_visit_nothing_is_rotated(integration: Integration, made: str) -> None:
    browser = Client()
    if made == "disabled key":
        open_with(integration.text, browser)
        keys.disable(integration.key, factories.TESTER)
    assert browser.post("/key/rotate")["Location"] == "/key"
    assert KeySecret.objects.filter(key=integration.key).count() == 1
