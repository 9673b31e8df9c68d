"""The lists of chatflows and of all calls of one: pages, order, outcome, and nobody else's."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.lists import listing
from accounts.models import Role, Team, User
from chatflows.calls import store
from chatflows.models import Call, Chatflow
from tests import factories

pytestmark = pytest.mark.django_db

NEXT = re.compile(r'rel="next" href="([^"]+)"')
LIST = "/t/acme/chatflows/"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of three rows."""
    monkeypatch.setattr(listing, "PAGE", 3)


@pytest.fixture
def called(faq: Chatflow) -> str:
    """The page of seven calls, of which the third and the last were refused."""
    now = timezone.now()
    refused = {"allowed": False, "status": 401, "code": "invalid_token", "reason": "unknown"}
    for n in range(7):
        more = refused if n in (2, 6) else {}
        store.write([factories.call(faq, None, at=now - timedelta(minutes=9 - n), **more)])
    return f"{LIST}{faq.id}/calls/all/"


def outcomes(browser: Client, url: str) -> list[str]:
    """The outcomes on all pages, in their order."""
    seen: list[str] = []
    for _ in range(20):
        page = browser.get(url)
        assert page.status_code == 200
        text = page.content.decode()
        seen += re.findall(r"Let in</span>|<b>401</b>", text)
        found = NEXT.search(text)
        if found is None:
            return [each[:6] for each in seen]
        url = found[1].replace("&amp;", "&")
    raise AssertionError("the pages have no end")


def test_all_calls_are_listed_newest_first(as_alice: Client, called: str) -> None:
    assert outcomes(as_alice, called) == ["<b>401", *["Let in"] * 3, "<b>401", *["Let in"] * 2]
    assert outcomes(as_alice, f"{called}?sort=-when")[0] == "Let in"
    assert called in as_alice.get(called.replace("calls/all/", "")).content.decode()


def test_an_outcome_is_looked_for_in_windows(
    as_alice: Client, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcomes(as_alice, f"{called}?outcome=refused") == ["<b>401"] * 2
    monkeypatch.setattr(listing, "WINDOW", 2)
    assert outcomes(as_alice, f"{called}?outcome=refused") == ["<b>401"] * 2
    assert outcomes(as_alice, f"{called}?outcome=let-in") == ["Let in"] * 5
    assert "Look further" in as_alice.get(f"{called}?outcome=refused").content.decode()


def test_calls_of_other_chatflows_and_teams_are_not_listed(
    as_alice: Client, called: str, acme: Team, faq: Chatflow
) -> None:
    other = factories.chatflow(acme, "Other")
    assert outcomes(as_alice, f"{LIST}{other.id}/calls/all/") == []
    globex = factories.team("Globex")
    mallory = factories.user("mallory")
    factories.join(globex, mallory, Role.OWNER)
    foreign = factories.chatflow(globex, "Foreign")
    store.write([factories.call(foreign)])
    browser = factories.client(mallory)
    assert browser.get(called).status_code == 404
    assert browser.get(f"/t/globex/chatflows/{faq.id}/calls/all/").status_code == 404
    assert as_alice.get(f"{LIST}{foreign.id}/calls/all/").status_code == 404
    assert Call.objects.count() == 8


def test_what_the_list_of_calls_does_not_understand_is_ignored(
    as_alice: Client, called: str
) -> None:
    every = outcomes(as_alice, called)
    for query in ("outcome=x", "outcome=%00", "sort=id", "after=%00", "after=" + "x" * 100_000):
        assert outcomes(as_alice, f"{called}?{query}") == every


def names(browser: Client, query: str) -> list[str]:
    """The names of the chatflows on a page."""
    page = browser.get(f"{LIST}{query}")
    assert page.status_code == 200
    return re.findall(r'class="name go"[^>]*>([^<]+)<', page.content.decode())


def test_chatflows_are_sorted_and_searched(as_alice: Client, acme: Team, alice: User) -> None:
    for n in range(5):
        factories.chatflow(acme, f"Flow {n}", mode="keys" if n % 2 else "public")
    assert names(as_alice, "?sort=-name")[:2] == ["Flow 4", "Flow 3"]
    assert names(as_alice, "?mode=public&sort=access") == ["Flow 0", "Flow 2", "Flow 4"]
    page = as_alice.get(f"{LIST}?sort=access&q=flow").content.decode()
    following = NEXT.search(page)[1].replace("&amp;", "&")  # type: ignore[index]
    rest = names(as_alice, following.removeprefix(LIST))
    assert names(as_alice, "?sort=access&q=flow") + rest == [f"Flow {n}" for n in (1, 3, 0, 2, 4)]
    for query in ("sort=engine_config", "sort=%00", "after=%00", "mode=%00", "after=Flow"):
        assert names(as_alice, f"?{query}") == names(as_alice, ""), query
