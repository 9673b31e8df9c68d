"""What pages say after a change of the FAQ, and how a deletion is undone."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Team
from chatflows.calls import store
from chatflows.faq import entries, undo
from chatflows.models import Call, Chatflow, FaqEntry
from tests import factories
from tests.chatflows.views.pages import page
from tests.factories import TESTER
from tests.forms import send

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


def said(answer: object, browser: Client) -> str:
    location = answer["Location"]  # type: ignore[index]
    return browser.get(location).content.decode()


def test_each_change_is_said(as_alice: Client, faq: Chatflow, entry: FaqEntry) -> None:
    changed = {"question": "When?", "answer": "Now."}
    answer = send(as_alice, page(faq.id, "faq_entry_update", entry.pk), changed)
    assert answer["Location"].endswith(f"#entry-{entry.pk}")
    assert "The answer is saved." in said(answer, as_alice)
    answer = send(as_alice, page(faq.id, "faq_fallback_save"), {"fallback": "Sorry."})
    assert "The fallback is saved." in said(answer, as_alice)


def test_the_page_stays_where_it_was(as_alice: Client, faq: Chatflow, entry: FaqEntry) -> None:
    here = page(faq.id, "chatflow_engine") + "?q=who&page=1"
    next_one = entries.add(faq, "Who else?", "Nobody.", TESTER)
    referer = {"Referer": f"http://testserver{here}&answer=7"}

    def lands(name: str, *which: int, **data: object) -> str:
        answer = send(as_alice, page(faq.id, name, *which), data, headers=referer)
        return str(answer["Location"])

    new = {"question": "Who knows?", "answer": "All."}
    assert lands("faq_entry_add", **new) == f"{here}#add"
    assert lands("faq_fallback_save", fallback="Sorry.") == f"{here}#fallback"
    assert lands("faq_entry_update", entry.pk, **new) == f"{here}#entry-{entry.pk}"
    # The next answer that the search finds takes the place of the deleted one.
    entries.update(entry, "Who are you?", "A test.", TESTER)
    assert lands("faq_entry_delete", entry.pk) == f"{here}#entry-{next_one.pk}"
    assert lands("faq_entry_restore", entry.pk) == f"{here}#entry-{entry.pk}"


def test_an_import_comes_back_to_where_it_began(as_alice: Client, faq: Chatflow) -> None:
    for number in range(51):
        entries.add(faq, f"Question {number}?", "Yes.", TESTER)
    engine = page(faq.id, "chatflow_engine")
    begun = as_alice.get(f"{engine}?page=2").content.decode()
    imports = page(faq.id, "faq_import") + "?page=2"
    assert f'href="{imports}"' in begun
    data = {"text": "When?,Now.", "existing": "keep"}
    preview = as_alice.post(imports, data)
    referer = {"Referer": f"http://testserver{imports}"}
    packed = {"packed": preview.context["packed"]}
    saved = as_alice.post(page(faq.id, "faq_import_save"), packed, headers=referer)
    assert saved["Location"] == f"{engine}?page=2#entries"
    assert "1 added, 0 replaced, 0 skipped" in said(saved, as_alice)


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
    late = timezone.now() + undo.RESTORED_FOR + timedelta(minutes=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: late)
        with pytest.raises(undo.Gone):
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
