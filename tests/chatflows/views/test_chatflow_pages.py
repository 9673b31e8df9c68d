"""The pages of chatflows: access by form and by htmx, the editor, names, deletion, roles."""

from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Team
from chatflows.calls import store
from chatflows.faq import entries
from chatflows.models import Chatflow, FaqEntry, Selection
from chatflows.services import chatflows as services
from tests import factories
from tests.conftest import Integration

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


def page(chatflow_id: UUID, name: str, *more: object) -> str:
    return reverse(name, args=["acme", chatflow_id, *more])


def pages(chatflow_id: UUID, entry_id: int = 1) -> list[tuple[str, str]]:
    """Every page under a chatflow, with its method."""
    gets = ("access", "calls", "engine", "try", "use", "settings", "delete")
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


def access(faq: Chatflow, mode: str = "keys", *keys: object, **more: object) -> dict[str, object]:
    """What the access form sends."""
    version = Chatflow.objects.get(pk=faq.pk).version
    return {"mode": mode, "keys": [str(key) for key in keys], "version": version, **more}


def is_clean(body: bytes) -> bool:
    """Whether no markup of a name came through."""
    return b"<script>alert" not in body and b"<img src=x" not in body


@pytest.fixture
def entry(faq: Chatflow) -> FaqEntry:
    return entries.add(faq, "Who are you?", "A test.", factories.TESTER)


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


def test_the_access_page_shows_address_keys_and_the_last_calls(
    as_alice: Client, faq: Chatflow, integration: Integration
) -> None:
    refused = {"allowed": False, "status": 403, "code": "key_not_selected"}
    store.write([factories.call(faq, integration.key, reason="not_selected", **refused)])
    body = as_alice.get(page(faq.id, "chatflow_access")).content.decode()
    assert f"/api/v1/prediction/{faq.id}" in body
    assert "crm-sync" in body
    assert "DefaultKey" in body
    assert "not selected for this chatflow" in body
    assert integration.text.split("_")[3] not in body
    fragment = as_alice.get(page(faq.id, "chatflow_calls")).content.decode()
    assert "not selected for this chatflow" in fragment
    assert "<html" not in fragment


def test_only_the_last_twenty_calls_are_shown(as_alice: Client, faq: Chatflow) -> None:
    records = [factories.call(faq, client_address=f"192.0.2.{n}") for n in range(30)]
    store.write(records)
    body = as_alice.get(page(faq.id, "chatflow_calls")).content.decode()
    assert "192.0.2.29" in body
    assert "192.0.2.10" in body
    assert "192.0.2.9<" not in body


def test_access_is_saved_by_the_form(
    as_alice: Client, faq: Chatflow, integration: Integration
) -> None:
    data = access(faq, "keys", integration.key.id, allow_key_in_url="on")
    response = as_alice.post(page(faq.id, "chatflow_access_save"), data)
    assert response["Location"] == page(faq.id, "chatflow_access")
    faq.refresh_from_db()
    assert faq.allow_key_in_url
    assert set(faq.keys.all()) == {integration.key}
    event = AuditEvent.objects.filter(team_id=faq.team_id).latest("sequence")
    assert (event.action, event.actor_name) == ("chatflow.set_access", "alice")


def test_access_is_saved_by_htmx(as_alice: Client, faq: Chatflow, integration: Integration) -> None:
    url, htmx = page(faq.id, "chatflow_access_save"), {"HX-Request": "true"}
    response = as_alice.post(url, access(faq, "public"), headers=htmx)
    assert response.status_code == 200
    assert b"<html" not in response.content
    faq.refresh_from_db()
    assert (faq.access_mode, faq.keys.count()) == ("public", 0)
    # The fragment carries the new version: saving again from it is not stale.
    assert f'value="{faq.version}"'.encode() in response.content
    again = as_alice.post(url, access(faq, "off"), headers=htmx)
    assert again.status_code == 200


def test_a_stale_form_is_refused_and_shows_how_it_is(as_alice: Client, faq: Chatflow) -> None:
    data = access(faq, "public")
    as_alice.post(page(faq.id, "chatflow_access_save"), access(faq, "off"))
    for headers in ({}, {"HX-Request": "true"}):
        response = as_alice.post(page(faq.id, "chatflow_access_save"), data, headers=headers)
        assert response.status_code == 422
        assert "Someone else changed the access" in response.content.decode()
    faq.refresh_from_db()
    assert faq.access_mode == "off"


@pytest.mark.parametrize(
    "change",
    [
        {"mode": ""},
        {"mode": "KEYS"},
        {"mode": "<script>alert(1)</script>"},
        {"mode": ["public", "nonsense"]},
        {"version": ""},
        {"version": "x"},
        {"version": "9" * 5000},
        {"keys": ["nonsense"]},
        {"keys": [""]},
        {"keys": [str(factories.NOBODYS_ID)]},
    ],
    ids=lambda change: repr(change)[:40],
)
def test_a_wrong_access_form_is_refused_and_changes_nothing(
    as_alice: Client, faq: Chatflow, change: dict[str, object]
) -> None:
    before = Chatflow.objects.values().get(), Selection.objects.count()
    for headers in ({}, {"HX-Request": "true"}):
        data = {**access(faq, "public"), **change}
        response = as_alice.post(page(faq.id, "chatflow_access_save"), data, headers=headers)
        assert response.status_code == 422
        assert is_clean(response.content)
    assert (Chatflow.objects.values().get(), Selection.objects.count()) == before


def test_another_teams_key_is_as_unknown_as_a_random_one(
    as_alice: Client, faq: Chatflow, globex: Team
) -> None:
    foreign, _ = factories.key(globex, "foreign")
    bodies = []
    for key_id in (foreign.id, uuid4()):
        data = access(faq, "keys", key_id)
        response = as_alice.post(page(faq.id, "chatflow_access_save"), data)
        assert response.status_code == 422
        assert b"foreign" not in response.content
        bodies.append(str(key_id) in response.content.decode())
    assert bodies[0] == bodies[1]
    assert not Selection.objects.filter(key=foreign).exists()


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
        response = as_alice.post(url, {"name": name})
        assert response.status_code == 422
        assert "The team has a chatflow of this name" in response.content.decode()
    other.refresh_from_db()
    assert other.name == "Other"


def test_renaming_shows_the_new_name_and_keeps_the_address(as_alice: Client, faq: Chatflow) -> None:
    response = as_alice.post(page(faq.id, "chatflow_settings"), {"name": "Help"}, follow=True)
    assert b"Help" in response.content
    assert Chatflow.objects.get(pk=faq.pk).name == "Help"


def test_a_refused_name_does_not_become_the_pages_title(as_alice: Client, faq: Chatflow) -> None:
    response = as_alice.post(page(faq.id, "chatflow_settings"), {"name": "y" * 90})
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


def test_entries_are_added_changed_and_deleted(as_alice: Client, faq: Chatflow) -> None:
    engine = page(faq.id, "chatflow_engine")
    entry_data = {"question": "Where?", "answer": "Here."}
    assert as_alice.post(page(faq.id, "faq_entry_add"), entry_data)["Location"] == engine
    entry = FaqEntry.objects.get()
    assert b"Where?" in as_alice.get(engine).content
    changed = {"question": "When?", "answer": "Now."}
    as_alice.post(page(faq.id, "faq_entry_update", entry.pk), changed)
    entry.refresh_from_db()
    assert (entry.question, entry.answer) == ("When?", "Now.")
    as_alice.post(page(faq.id, "faq_entry_delete", entry.pk))
    assert not FaqEntry.objects.exists()
    as_alice.post(page(faq.id, "faq_fallback_save"), {"fallback": "Sorry."})
    assert Chatflow.objects.get(pk=faq.pk).fallback == "Sorry."


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "This field is required"),
        ({"question": "", "answer": ""}, "This field is required"),
        ({"question": "q" * 501, "answer": "a"}, "at most 500"),
        ({"question": "q", "answer": "a" * 8001}, "at most 8000"),
        ({"question": "q" * 10_000, "answer": "a" * 10_000}, "at most"),
        ({"question": "nul\0", "answer": "a"}, "Null characters"),
        ({"question": "q", "answer": "   "}, "This field is required"),
    ],
    ids=lambda v: str(v)[:30],
)
def test_a_wrong_entry_is_refused_with_the_field(
    as_alice: Client, faq: Chatflow, entry: FaqEntry, data: dict[str, str], says: str
) -> None:
    for url in (page(faq.id, "faq_entry_add"), page(faq.id, "faq_entry_update", entry.pk)):
        response = as_alice.post(url, {"csrf": "x", **data})
        assert response.status_code == 422
        assert says in response.content.decode()
    assert list(FaqEntry.objects.values_list("question", "answer")) == [("Who are you?", "A test.")]


def test_a_long_fallback_is_refused(as_alice: Client, faq: Chatflow) -> None:
    data = {"fallback": "x" * 10_000}
    response = as_alice.post(page(faq.id, "faq_fallback_save"), data)
    assert response.status_code == 422
    assert Chatflow.objects.get(pk=faq.pk).fallback == ""


def test_markup_in_entries_is_escaped(as_alice: Client, faq: Chatflow) -> None:
    odd = "<script>alert(1)</script>🔑\u202e</textarea><img src=x onerror=alert(1)>"
    as_alice.post(page(faq.id, "faq_entry_add"), {"question": odd, "answer": odd})
    as_alice.post(page(faq.id, "faq_fallback_save"), {"fallback": odd})
    body = as_alice.get(page(faq.id, "chatflow_engine")).content
    assert is_clean(body)
    assert body.count(b"</textarea>") == body.count(b"<textarea")


@pytest.mark.parametrize(
    "entry_id", ["0", "2147483648", "9223372036854775807", "9223372036854775808", "9" * 5000, "-1"]
)
def test_an_entry_that_is_not_there_is_404(as_alice: Client, faq: Chatflow, entry_id: str) -> None:
    base = page(faq.id, "faq_entry_add")
    for url in (f"{base}{entry_id}/", f"{base}{entry_id}/delete/"):
        response = as_alice.post(url, {"question": "q", "answer": "a"})
        assert response.status_code == 404


def test_another_chatflows_entry_is_not_there(
    as_alice: Client, faq: Chatflow, acme: Team, globex: Team
) -> None:
    for owner in (acme, globex):
        other = factories.chatflow(owner, "Other")
        entry = entries.add(other, "q", "a", factories.TESTER)
        data = {"question": "x", "answer": "x"}
        for name in ("faq_entry_update", "faq_entry_delete"):
            assert as_alice.post(page(faq.id, name, entry.pk), data).status_code == 404
        entry.refresh_from_db()
        assert entry.question == "q"


def test_the_use_page_explains_how_to_call(as_alice: Client, faq: Chatflow) -> None:
    body = as_alice.get(page(faq.id, "chatflow_use")).content.decode()
    assert f"/api/v1/prediction/{faq.id}" in body
    assert "Authorization: Bearer" in body
    assert "key_not_selected" in body


def test_vera_looks_and_changes_nothing(
    as_vera: Client, faq: Chatflow, entry: FaqEntry, integration: Integration
) -> None:
    before = factories.dump()
    for method, url in pages(faq.id, entry.pk):
        response = getattr(as_vera, method)(url)
        looks = ("access", "calls", "engine", "use")
        seen = {page(faq.id, f"chatflow_{name}") for name in looks}
        may = method == "get" and url in {
            *seen,
            page(faq.id, "faq_export"),
            page(faq.id, "chatflow_postman"),
        }
        assert response.status_code == (200 if may else 403), url
    assert as_vera.get(NEW).status_code == 403
    assert as_vera.post(NEW, {"name": "x"}).status_code == 403
    assert factories.dump() == before


def test_a_stranger_finds_nothing(as_mallory: Client, faq: Chatflow, entry: FaqEntry) -> None:
    before = factories.dump()
    for method, url in [("get", LIST), ("get", NEW), ("post", NEW), *pages(faq.id, entry.pk)]:
        response = getattr(as_mallory, method)(url)
        assert response.status_code == 404, url
        assert b"Support FAQ" not in response.content
    assert factories.dump() == before


def test_a_stranger_finds_nothing_through_a_team_of_her_own(
    as_mallory: Client, globex: Team, faq: Chatflow, entry: FaqEntry
) -> None:
    as_mallory.get(f"/t/{globex.slug}/chatflows/")  # notes her last team
    before = factories.dump()
    for method, url in pages(faq.id, entry.pk):
        own = url.replace("/t/acme/", f"/t/{globex.slug}/")
        assert getattr(as_mallory, method)(own).status_code == 404, own
    assert factories.dump() == before


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
            assert as_alice.get(url).status_code == 405, url
    assert factories.dump() == before


def test_pages_are_not_kept_by_browsers(as_alice: Client, faq: Chatflow) -> None:
    for method, url in [("get", LIST), *pages(faq.id)]:
        if method == "get":
            assert as_alice.get(url)["Cache-Control"] == "no-store"


def test_a_suspended_teams_pages_are_gone(as_alice: Client, faq: Chatflow) -> None:
    Team.objects.filter(pk=faq.team_id).update(suspended_at=timezone.now())
    assert as_alice.get(page(faq.id, "chatflow_access")).status_code == 404


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
