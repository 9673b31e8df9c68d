"""What pages say after a change of the FAQ, and how a deletion is undone."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Team
from chatflows.calls import store
from chatflows.faq import entries
from chatflows.models import Call, Chatflow, FaqEntry
from tests import factories
from tests.chatflows.views.pages import page
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


def said(answer: object, browser: Client) -> str:
    location = answer["Location"]  # type: ignore[index]
    return browser.get(location).content.decode()


def test_each_change_is_said(as_alice: Client, faq: Chatflow, entry: FaqEntry) -> None:
    changed = {"question": "When?", "answer": "Now."}
    answer = as_alice.post(page(faq.id, "faq_entry_update", entry.pk), changed)
    assert answer["Location"].endswith(f"#entry-{entry.pk}")
    assert "The answer is saved." in said(answer, as_alice)
    answer = as_alice.post(page(faq.id, "faq_fallback_save"), {"fallback": "Sorry."})
    assert "The fallback is saved." in said(answer, as_alice)


def test_the_page_stays_where_it_was(as_alice: Client, faq: Chatflow, entry: FaqEntry) -> None:
    here = page(faq.id, "chatflow_engine") + "?q=who&page=1"
    referer = {"Referer": f"http://testserver{here}"}
    answer = as_alice.post(page(faq.id, "faq_entry_delete", entry.pk), headers=referer)
    assert answer["Location"] == here


def test_a_deleted_answer_comes_back(as_alice: Client, faq: Chatflow, entry: FaqEntry) -> None:
    undo = page(faq.id, "faq_entry_restore", entry.pk)
    answer = as_alice.post(page(faq.id, "faq_entry_delete", entry.pk))
    assert not FaqEntry.objects.exists()
    assert f'action="{undo}"' in said(answer, as_alice)
    assert "The answer is back." in said(as_alice.post(undo), as_alice)
    back = FaqEntry.objects.get()
    assert (back.pk, back.question, back.answer) == (entry.pk, "Who are you?", "A test.")
    assert AuditEvent.objects.filter(action="faq_entry.restore").exists()
    assert "can&#x27;t be put back" in said(as_alice.post(undo), as_alice)
    assert FaqEntry.objects.count() == 1


def test_nothing_comes_back_late_elsewhere_or_for_another_team(
    as_alice: Client, as_mallory: Client, faq: Chatflow, entry: FaqEntry, acme: Team
) -> None:
    other = factories.chatflow(acme, "Other")
    number = entry.pk
    entries.delete(entry, TESTER)
    assert as_alice.post(page(other.id, "faq_entry_restore", number)).status_code == 404
    assert as_mallory.post(page(faq.id, "faq_entry_restore", number)).status_code == 404
    assert not FaqEntry.objects.exists()
    late = timezone.now() + entries.RESTORED_FOR + timedelta(minutes=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: late)
        with pytest.raises(entries.Gone):
            entries.restore(faq, number, TESTER)


def test_a_call_that_failed_behind_is_not_green(as_alice: Client, faq: Chatflow) -> None:
    store.write([factories.call(faq, allowed=True, status=502)])
    body = as_alice.get(page(faq.id, "chatflow_calls"), HTTP_HX_REQUEST="true").content.decode()
    assert "Engine failed" in body
    assert "Let in" not in body
    store.write([factories.call(faq), factories.call(faq, allowed=False, status=403)])
    assert (
        as_alice.get(page(faq.id, "chatflow_calls"), HTTP_HX_REQUEST="true")
        .content.decode()
        .count("Let in<")
        == 1
    )
    assert sorted(call.has_failed for call in Call.objects.all()) == [False, False, True]


def test_a_new_chatflow_is_said(as_alice: Client, acme: Team) -> None:
    answer = as_alice.post("/t/acme/chatflows/new/", {"name": "Returns"})
    assert "Returns is created. Choose what answers." in said(answer, as_alice)
