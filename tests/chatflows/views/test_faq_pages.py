"""The entries and the fallback of the FAQ, on the Engine page."""

import pytest
from django.test import Client

from accounts.models import Team
from chatflows.faq import entries
from chatflows.models import Chatflow, FaqEntry
from tests import factories
from tests.chatflows.views.pages import is_clean, page
from tests.forms import send


def test_entries_are_added_changed_and_deleted(as_alice: Client, faq: Chatflow) -> None:
    engine = page(faq.id, "chatflow_engine")
    entry_data = {"question": "Where?", "answer": "Here."}
    assert as_alice.post(page(faq.id, "faq_entry_add"), entry_data)["Location"] == f"{engine}#add"
    entry = FaqEntry.objects.get()
    assert b"Where?" in as_alice.get(engine).content
    changed = {"question": "When?", "answer": "Now."}
    send(as_alice, page(faq.id, "faq_entry_update", entry.pk), changed)
    entry.refresh_from_db()
    assert (entry.question, entry.answer) == ("When?", "Now.")
    as_alice.post(page(faq.id, "faq_entry_delete", entry.pk))
    assert not FaqEntry.objects.exists()
    send(as_alice, page(faq.id, "faq_fallback_save"), {"fallback": "Sorry."})
    assert Chatflow.objects.get(pk=faq.pk).fallback == "Sorry."


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "Fill this in"),
        ({"question": "", "answer": ""}, "Fill this in"),
        ({"question": "q" * 501, "answer": "a"}, "at most 500"),
        ({"question": "q", "answer": "a" * 8001}, "at most 8000"),
        ({"question": "q" * 10_000, "answer": "a" * 10_000}, "at most"),
        ({"question": "nul\0", "answer": "a"}, "can&#x27;t be stored"),
        ({"question": "q", "answer": "   "}, "Fill this in"),
    ],
    ids=lambda v: str(v)[:30],
)
def test_a_wrong_entry_is_refused_with_the_field(
    as_alice: Client, faq: Chatflow, entry: FaqEntry, data: dict[str, str], says: str
) -> None:
    for url in (page(faq.id, "faq_entry_add"), page(faq.id, "faq_entry_update", entry.pk)):
        response = send(as_alice, url, {"csrf": "x", **data})
        assert response.status_code == 422
        assert says in response.content.decode()
    assert list(FaqEntry.objects.values_list("question", "answer")) == [("Who are you?", "A test.")]


def test_a_long_fallback_is_refused(as_alice: Client, faq: Chatflow) -> None:
    data = {"fallback": "x" * 10_000}
    response = send(as_alice, page(faq.id, "faq_fallback_save"), data)
    assert response.status_code == 422
    assert Chatflow.objects.get(pk=faq.pk).fallback == ""


def test_markup_in_entries_is_escaped(as_alice: Client, faq: Chatflow) -> None:
    odd = "<script>alert(1)</script>🔑\u202e</textarea><img src=x onerror=alert(1)>"
    as_alice.post(page(faq.id, "faq_entry_add"), {"question": odd, "answer": odd})
    send(as_alice, page(faq.id, "faq_fallback_save"), {"fallback": odd})
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
