"""The page that lists keys: its pages, and what is done with several keys at once."""

import re
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEvent, Team
from accounts.permissions import Permission
from apikeys.models import ApiKey
from apikeys.services import key_lists
from chatflows.calls import store
from chatflows.models import Chatflow, Selection
from tests import factories
from tests.apikeys.pages import LIST
from tests.conftest import Integration

DISABLE, ENABLE = LIST + "disable/", LIST + "enable/"


def disabled(team: Team) -> set[str]:
    off = ApiKey.objects.of(team).filter(disabled_at__isnull=False)
    return set(off.values_list("name", flat=True))


def test_fifty_keys_are_on_a_page_and_next_shows_the_others(as_alice: Client, acme: Team) -> None:
    for n in range(60):
        factories.key(acme, f"key-{n}")
    first = as_alice.get(LIST)
    assert first.content.count(b'name="key"') == 50
    second = as_alice.get(LIST + "?" + first.context["next"])
    assert second.content.count(b'name="key"') == 11
    assert second.context["next"].endswith("after=")
    assert b"First page" in second.content
    assert b"Next 50" not in second.content
    ids = [key.pk for page in (first, second) for key in page.context["keys"]]
    assert len(set(ids)) == 61


def test_filters_stay_from_page_to_page(as_alice: Client, acme: Team) -> None:
    for n in range(55):
        factories.key(acme, f"key-{n}")
    ApiKey.objects.update(environment="staging")
    page = as_alice.get(LIST, {"environment": "staging", "kind": "secret", "q": "key"})
    assert page.context["next"].startswith("q=key&kind=secret&environment=staging&after=")
    body = as_alice.get(LIST, {"environment": "nonsense", "kind": "'--", "after": "\0"})
    assert body.content.count(b'name="key"') == 50


def test_a_key_that_opens_very_much_is_shown_by_a_number(
    as_alice: Client, acme: Team, integration: Integration
) -> None:
    flows = [factories.chatflow(acme, f"Flow {n}") for n in range(5)]
    for flow in flows:
        Selection.objects.create(chatflow=flow, key=integration.key)
    body = as_alice.get(LIST).content.decode()
    assert "6 chatflows" in body


def test_checked_keys_are_disabled_and_enabled_together(
    as_alice: Client, acme: Team, faq: Chatflow, integration: Integration, globex: Team
) -> None:
    second, _ = factories.key(acme, "second", faq)
    foreign, _ = factories.key(globex, "foreign")
    chosen = [str(integration.key.pk), str(second.pk), str(foreign.pk), str(uuid4()), "nonsense"]
    said = as_alice.post(DISABLE, {"key": chosen}, follow=True).content.decode()
    assert disabled(acme) == {"crm-sync", "second"}
    assert disabled(globex) == set()
    assert "2 keys are disabled." in said
    assert "Closed to everyone now, as no other key opens it: Support FAQ." in said
    events = AuditEvent.objects.filter(team_id=acme.id, action="api_key.disable")
    assert {event.target_name for event in events} == {"crm-sync", "second"}
    assert b"No key was changed" in as_alice.post(DISABLE, {"key": chosen}, follow=True).content
    assert (
        b"2 keys are enabled again." in as_alice.post(ENABLE, {"key": chosen}, follow=True).content
    )
    assert disabled(acme) == set()


def test_nothing_is_enabled_if_one_key_holds_more_than_its_person(
    as_eddie: Client, acme: Team, integration: Integration
) -> None:
    strong, _ = factories.key(acme, "strong")
    ApiKey.objects.filter(pk=strong.pk).update(scopes=[Permission.AUDIT_VIEW])
    ApiKey.objects.update(disabled_at=integration.key.created_at)
    response = as_eddie.post(ENABLE, {"key": [str(integration.key.pk), str(strong.pk)]})
    assert response.status_code == 403
    assert disabled(acme) >= {"crm-sync", "strong"}


@pytest.mark.parametrize("url", [DISABLE, ENABLE])
def test_who_may_not_change_keys_changes_none(
    as_vera: Client, as_mallory: Client, client: Client, integration: Integration, url: str
) -> None:
    before = factories.state()
    data = {"key": [str(integration.key.pk)]}
    assert as_vera.post(url, data).status_code == 403
    assert as_mallory.post(url, data).status_code == 404
    assert client.post(url, data).status_code == 302
    assert factories.state() == before
    assert b'name="key"' not in as_vera.get(LIST).content


def test_each_row_draws_its_calls_as_paths(
    as_alice: Client, integration: Integration, faq: Chatflow
) -> None:
    store.write([factories.call(faq, integration.key)])
    body = as_alice.get(LIST).content.decode()
    drawn = re.findall(r'<path class="(?:in|none)" d="([^"]*)"', body)
    assert any(drawn)
    assert all(path == "" or path.startswith("M") for path in drawn), drawn


def shown(browser: Client, query: str) -> list[str]:
    """The names on all pages of the list, in their order."""
    seen: list[str] = []
    for _ in range(5):
        page = browser.get(f"{LIST}?{query}")
        seen += [key.name for key in page.context["keys"]]
        if not page.context["page"].next:
            return seen
        query = page.context["next"]
    raise AssertionError("the pages have no end")


def test_keys_are_sorted_by_name_on_every_page(as_alice: Client, acme: Team) -> None:
    for n in range(60):
        factories.key(acme, f"key-{n:02}")
    rising = shown(as_alice, "sort=name")
    assert rising == sorted(rising, key=str.lower)
    assert len(rising) == 61
    assert shown(as_alice, "sort=-name") == rising[::-1]
    assert shown(as_alice, "sort=name&q=key-&show=unused") == rising[1:]
    for bad in ("sort=digest", "sort=%00", "sort=--name", "sort=" + "x" * 100_000):
        assert shown(as_alice, bad) == shown(as_alice, "")
    assert as_alice.get(f"{LIST}?sort=name&after=%00{'x' * 100_000}").status_code == 200
    page = as_alice.get(f"{LIST}?sort=-name").content.decode()
    assert re.search(
        r'aria-sort="descending"[^>]*>.{0,120}<span[^>]*>[^<]*</span><a href="[^"]*sort=name"',
        page,
        re.DOTALL,
    )


def test_a_window_ends_a_rare_filter_by_name_too(
    as_alice: Client, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(7):
        factories.key(acme, f"key-{n}")
    ApiKey.objects.filter(name__in=["key-1", "key-6"]).update(kind="secret", environment="staging")
    monkeypatch.setattr(key_lists, "WINDOW", 2)
    assert shown(as_alice, "sort=name&environment=staging") == ["key-1", "key-6"]
    assert shown(as_alice, "sort=-name&environment=staging") == ["key-6", "key-1"]


def test_the_filters_survive_an_action(as_alice: Client, integration: Integration) -> None:
    query = "q=crm&show=active&sort=name"
    came_from = {"HTTP_REFERER": f"http://testserver{LIST}?{query}"}
    one = f"{LIST}{integration.key.pk}/"
    chosen = {"key": [str(integration.key.pk)]}
    for path, data in (
        (f"{one}disable/", {}),
        (f"{one}enable/", {}),
        (DISABLE, chosen),
        (ENABLE, chosen),
    ):
        done = as_alice.post(path, data, **came_from)  # type: ignore[arg-type]
        assert (done.status_code, done["Location"]) == (302, f"{LIST}?{query}"), path
    elsewhere = as_alice.post(DISABLE, chosen, HTTP_REFERER=f"http://evil.example{LIST}?{query}")
    assert elsewhere["Location"] == LIST


def test_while_somebody_types_no_text_of_a_key_reaches_an_address(
    as_alice: Client, integration: Integration
) -> None:
    secret = integration.text.split("_")[-1]
    typed = as_alice.post(
        f"{LIST}search/", {"q": integration.text, "sort": "name"}, headers={"HX-Request": "true"}
    )
    text = typed.content.decode()
    assert "crm-sync" in text
    assert "1 key found" in text
    assert "<!doctype" not in text.lower()
    public_id = integration.text.split("_")[2]
    assert typed["HX-Replace-Url"] == f"{LIST}?q={public_id}&sort=name"
    part = as_alice.post(f"{LIST}search/", {"q": secret}, headers={"HX-Request": "true"})
    assert part["HX-Replace-Url"] == LIST
    assert "nothing was searched" in part.content.decode()
    for answer in (typed, part):
        assert secret not in f"{answer.content!r}{answer.headers!r}"


def test_keys_are_found_by_a_chatflow_that_they_open(as_alice: Client, acme: Team) -> None:
    tickets = factories.chatflow(acme, "Ticket desk")
    factories.key(acme, "crm-sync", tickets)
    factories.key(acme, "nightly")
    rows = as_alice.get("/t/acme/keys/", {"q": "TICKET"}).content.decode()
    assert "crm-sync" in rows
    assert "nightly" not in rows


def test_a_chatflow_of_another_team_finds_nothing(
    as_alice: Client, acme: Team, globex: Team
) -> None:
    theirs = factories.chatflow(globex, "Ticket desk")
    factories.key(globex, "theirs", theirs)
    factories.key(acme, "ours")
    rows = as_alice.get("/t/acme/keys/", {"q": "ticket"}).content.decode()
    assert "theirs" not in rows
    assert ">ours<" not in rows


def test_the_order_is_a_control_of_the_list(as_alice: Client, acme: Team) -> None:
    factories.key(acme, "crm-sync")
    assert (
        '<option value="">Last used first</option>'
        in as_alice.get("/t/acme/keys/").content.decode()
    )
    sent = as_alice.post("/t/acme/keys/search/", {"q": "", "sort": "-name"})
    page = as_alice.get(sent.headers["Location"]).content.decode()
    assert '<option value="-name" selected>' in page
