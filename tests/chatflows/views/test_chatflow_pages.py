"""The pages of chatflows: the list, names, deletion, roles."""

from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team
from chatflows.calls import store
from chatflows.models import Chatflow, FaqEntry
from chatflows.services import chatflows as services
from tests import factories
from tests.chatflows.views.pages import access, is_clean, page
from tests.conftest import Integration
from tests.forms import send

LIST = "/t/acme/chatflows/"
NEW = "/t/acme/chatflows/new/"
ODD_NAMES = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "🔑🔑",
    "a'b\"c&d",
    "{{ 7|add:7 }}{% now 'Y' %}",
    "\u202eevil",
    "a\u0000b",
    "',);--",
    "x" * 80,
    "x" * 81,
    "x" * 10_000,
    "🔑" * 10_000,
    "   ",
    "",
]


def pages(chatflow_id: UUID, entry_id: int = 1) -> list[tuple[str, str]]:
    """Every page under a chatflow, with its method."""
    gets = ("access", "call_list", "engine", "try", "use", "settings", "delete")
    return [
        *(("get", page(chatflow_id, f"chatflow_{name}")) for name in gets),
        ("get", page(chatflow_id, "chatflow_postman")),
        ("get", page(chatflow_id, "faq_export")),
        ("get", page(chatflow_id, "faq_import")),
        ("post", page(chatflow_id, "faq_import")),
        ("post", page(chatflow_id, "faq_import_save")),
        ("post", page(chatflow_id, "unanswered_dismiss", 1)),
        ("post", page(chatflow_id, "chatflow_try")),
        ("post", page(chatflow_id, "chatflow_try_stream")),
        ("post", page(chatflow_id, "chatflow_access_save")),
        ("post", page(chatflow_id, "engine_save")),
        ("post", page(chatflow_id, "engine_test")),
        ("post", page(chatflow_id, "engine_models")),
        ("post", page(chatflow_id, "faq_entry_add")),
        ("post", page(chatflow_id, "faq_entry_update", entry_id)),
        ("post", page(chatflow_id, "faq_entry_delete", entry_id)),
        ("post", page(chatflow_id, "faq_fallback_save")),
        ("post", page(chatflow_id, "chatflow_settings")),
        ("post", page(chatflow_id, "chatflow_delete")),
    ]


def test_the_list_names_the_teams_chatflows_and_no_others(
    as_alice: Client, faq: Chatflow, globex: Team
) -> None:
    factories.chatflow(globex, "Globex plans")
    store.write([factories.call(faq), factories.call(faq, allowed=False, status=401)])
    body = as_alice.get(LIST).content.decode()
    assert "Support FAQ" in body
    assert "Globex plans" not in body


@pytest.mark.parametrize(
    "query",
    [
        {"q": "support"},
        {"q": "SUPPORT"},
        {"mode": "keys"},
        {"mode": "nonsense"},
        {"q": "x"},
        {"q": "'"},
        {"q": "%"},
        {"q": "<script>alert(1)</script>"},
        {"q": "🔑" * 3000},
        {"q": "{" + "0" * 32 + "}"},
        {"q": "\0"},
        {"mode": "public", "q": "\u202e"},
    ],
    ids=lambda query: repr(query)[:30],
)
def test_a_search_never_fails(as_alice: Client, faq: Chatflow, query: dict[str, str]) -> None:
    response = as_alice.get(LIST, query)
    assert response.status_code == 200
    assert is_clean(response.content)
    if query.get("q") in ("support", "SUPPORT", "x"):
        assert (b"Support FAQ" in response.content) is (query["q"] != "x")


def test_a_search_by_id_finds_only_ones_own(as_alice: Client, faq: Chatflow, globex: Team) -> None:
    foreign = factories.chatflow(globex, "Globex plans")
    assert b"Support FAQ" in as_alice.get(LIST, {"q": str(faq.id)}).content
    assert b"Globex" not in as_alice.get(LIST, {"q": str(foreign.id)}).content


def test_a_new_chatflow_is_made_and_closed(as_alice: Client, acme: Team) -> None:
    response = as_alice.post(NEW, {"name": "Support"})
    chatflow = Chatflow.objects.get()
    assert response["Location"] == page(chatflow.id, "chatflow_engine")
    assert chatflow.access_mode == "keys"


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: repr(name)[:20])
def test_an_odd_name_is_escaped_or_refused_by_name(as_alice: Client, acme: Team, name: str) -> None:
    response = as_alice.post(NEW, {"name": name})
    assert response.status_code in (302, 422)
    assert is_clean(response.content)
    made = Chatflow.objects.first()
    if made is None:
        assert response.status_code == 422
        assert b"Name" in response.content
        return
    assert as_alice.get(LIST).status_code == 200
    for method, url in pages(made.id):
        if method == "get":
            shown = as_alice.get(url)
            assert shown.status_code == 200
            assert is_clean(shown.content)
    deleted = as_alice.post(page(made.id, "chatflow_delete"), {"confirm_name": name})
    assert deleted.status_code == 302
    assert is_clean(as_alice.get(LIST).content)


@pytest.mark.parametrize("name", ["Support FAQ", "support faq", " SUPPORT FAQ "])
def test_a_name_that_the_team_has_is_refused(as_alice: Client, faq: Chatflow, name: str) -> None:
    other = factories.chatflow(faq.team, "Other")
    for url in (NEW, page(other.id, "chatflow_settings")):
        response = send(as_alice, url, {"name": name})
        assert response.status_code == 422
        assert "The team has a chatflow of this name" in response.content.decode()
    other.refresh_from_db()
    assert other.name == "Other"


def test_renaming_shows_the_new_name_and_keeps_the_address(as_alice: Client, faq: Chatflow) -> None:
    response = send(as_alice, page(faq.id, "chatflow_settings"), {"name": "Help"}, follow=True)
    assert b"Help" in response.content
    assert Chatflow.objects.get(pk=faq.pk).name == "Help"


def test_a_refused_name_does_not_become_the_pages_title(as_alice: Client, faq: Chatflow) -> None:
    response = send(as_alice, page(faq.id, "chatflow_settings"), {"name": "y" * 90})
    assert response.status_code == 422
    assert b"Support FAQ" in response.content


@pytest.mark.parametrize("typed", ["", "support faq", "Support", "Support FAQ!", "x" * 10_000])
def test_deleting_needs_the_exact_name(as_alice: Client, faq: Chatflow, typed: str) -> None:
    response = as_alice.post(page(faq.id, "chatflow_delete"), {"confirm_name": typed})
    assert response.status_code == 422
    assert Chatflow.objects.filter(pk=faq.pk).exists()


def test_deleting_ends_the_pages(as_alice: Client, faq: Chatflow) -> None:
    response = as_alice.post(page(faq.id, "chatflow_delete"), {"confirm_name": "Support FAQ"})
    assert response["Location"] == LIST
    for method, url in pages(faq.id):
        assert getattr(as_alice, method)(url).status_code == 404


def test_the_use_page_explains_how_to_call(as_alice: Client, faq: Chatflow) -> None:
    body = as_alice.get(page(faq.id, "chatflow_use")).content.decode()
    assert f"/api/v1/prediction/{faq.id}" in body
    assert "Authorization: Bearer" in body
    assert "key_not_selected" in body


def test_vera_looks_and_changes_nothing(
    as_vera: Client, faq: Chatflow, entry: FaqEntry, integration: Integration
) -> None:
    before = factories.state()
    for method, url in pages(faq.id, entry.pk):
        response = getattr(as_vera, method)(url)
        looks = ("access", "call_list", "engine", "use")
        seen = {page(faq.id, f"chatflow_{name}") for name in looks}
        may = method == "get" and url in {
            *seen,
            page(faq.id, "faq_export"),
            page(faq.id, "chatflow_postman"),
        }
        assert response.status_code == (200 if may else 403), url
    assert as_vera.get(NEW).status_code == 403
    assert as_vera.post(NEW, {"name": "x"}).status_code == 403
    assert factories.state() == before


def test_a_stranger_finds_nothing(as_mallory: Client, faq: Chatflow, entry: FaqEntry) -> None:
    before = factories.state()
    for method, url in [("get", LIST), ("get", NEW), ("post", NEW), *pages(faq.id, entry.pk)]:
        response = getattr(as_mallory, method)(url)
        assert response.status_code == 404, url
        assert b"Support FAQ" not in response.content
    assert factories.state() == before


def test_a_stranger_finds_nothing_through_a_team_of_her_own(
    as_mallory: Client, globex: Team, faq: Chatflow, entry: FaqEntry
) -> None:
    as_mallory.get(f"/t/{globex.slug}/chatflows/")  # notes her last team
    before = factories.state()
    for method, url in pages(faq.id, entry.pk):
        own = url.replace("/t/acme/", f"/t/{globex.slug}/")
        assert getattr(as_mallory, method)(own).status_code == 404, own
    assert factories.state() == before


def test_a_visitor_is_led_to_the_login(client: Client, faq: Chatflow) -> None:
    for method, url in [("get", LIST), ("get", NEW), *pages(faq.id)]:
        response = getattr(client, method)(url)
        assert urlsplit(response["Location"]).path == "/login/", url


def test_a_foreign_id_and_a_random_id_are_the_same_answer(
    as_alice: Client, acme: Team, globex: Team
) -> None:
    foreign = factories.chatflow(globex, "Foreign")
    for (method, there), (_, nowhere) in zip(pages(foreign.id), pages(uuid4()), strict=True):
        one, two = getattr(as_alice, method)(there), getattr(as_alice, method)(nowhere)
        assert one.status_code == two.status_code == 404
        assert factories.without_id_and_time(one) == factories.without_id_and_time(two)


def test_what_changes_wants_a_post(as_alice: Client, faq: Chatflow, entry: FaqEntry) -> None:
    before = factories.dump()
    for method, url in pages(faq.id, entry.pk):
        if method == "post" and ("get", url) not in pages(faq.id, entry.pk):
            page = as_alice.get(url, follow=True)
            assert page.status_code == 200, url
            assert page.redirect_chain, url
            assert as_alice.put(url).status_code == 405, url
    assert factories.dump() == before


def test_pages_are_not_kept_by_browsers(as_alice: Client, faq: Chatflow) -> None:
    for method, url in [("get", LIST), *pages(faq.id)]:
        if method == "get":
            assert as_alice.get(url)["Cache-Control"] == "no-store"


def test_a_suspended_teams_pages_are_gone(as_alice: Client, faq: Chatflow) -> None:
    Team.objects.filter(pk=faq.team_id).update(suspended_at=timezone.now())
    assert as_alice.get(page(faq.id, "chatflow_access")).status_code == 403


def test_a_chatflow_deleted_meanwhile_is_404_and_no_fault(
    as_alice: Client, faq: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = services.save_access

    def deleted_right_now(chatflow: Chatflow, *args: object, **kwargs: object) -> None:
        Chatflow.objects.filter(pk=chatflow.pk).delete()
        save(chatflow, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(services, "save_access", deleted_right_now)
    as_alice.raise_request_exception = False
    response = as_alice.post(page(faq.id, "chatflow_access_save"), access(faq, "public"))
    assert response.status_code == 404
