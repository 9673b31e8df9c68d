"""Unanswered questions: noted when the fallback was given, gone once somebody wrote an answer."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Team
from chatflows import predictions
from chatflows.calls import store
from chatflows.engines.faq.engine import FaqEngine
from chatflows.engines.sources import Entry
from chatflows.faq import unanswered
from chatflows.models import Chatflow, FaqEntry, UnansweredQuestion
from tests import factories


def url(chatflow_id: UUID, name: str, *more: object) -> str:
    return reverse(name, args=["acme", chatflow_id, *more])


def ask(faq: Chatflow, *questions: str, answered: bool = False, **more: object) -> None:
    """What the recorder writes of these questions."""
    turns = [
        factories.turn(faq, "", f"c{n}", question=question, is_answered=answered, **more)
        for n, question in enumerate(questions)
    ]
    store.write([factories.call(faq, turn=turn) for turn in turns])


@pytest.fixture
def question(faq: Chatflow) -> UnansweredQuestion:
    ask(faq, "Do you sell parrots?")
    return UnansweredQuestion.objects.get()


@pytest.mark.parametrize(
    ("text", "expected"), [("open", True), ("parrots", False), ("", False), ("the", False)]
)
def test_the_engine_says_whether_it_answered(text: str, expected: bool) -> None:
    prediction = predictions.begin(text, "")

    async def collect() -> None:
        async for _ in predictions.run(
            prediction, FaqEngine([Entry("When are you open?", "Now.")])
        ):
            pass

    asyncio.run(collect())
    assert prediction.is_complete
    assert prediction.is_answered is expected


def test_the_same_question_is_one_with_a_count(faq: Chatflow) -> None:
    ask(faq, "Parrots?", "  parrots? ", "PARROTS?", "Else?")
    ask(faq, "Parrots?")
    ask(faq, "Answered?", answered=True)
    ask(faq, "", "   ", "\0")
    counts = dict(UnansweredQuestion.objects.values_list("question", "count"))
    assert {text.lower(): count for text, count in counts.items()} == {"parrots?": 4, "else?": 1}


def test_the_newest_are_kept_and_their_number_is_bounded(
    faq: Chatflow, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unanswered, "KEEP", 3)
    other = factories.chatflow(acme, "Other")
    ask(other, "Kept?")
    now = timezone.now()
    for n in range(8):
        ask(faq, f"Question {n}?", at=now + timedelta(seconds=n))
    kept = set(faq.unanswered_questions.values_list("question", flat=True))
    assert kept == {"Question 5?", "Question 6?", "Question 7?"}
    assert other.unanswered_questions.count() == 1


@pytest.mark.parametrize("text", ["🔑" * 2000, "<script>alert(1)</script>", "'; DROP TABLE x; --"])
def test_whatever_was_asked_is_kept_short_and_shown_escaped(
    as_alice: Client, faq: Chatflow, text: str
) -> None:
    ask(faq, text)
    assert len(UnansweredQuestion.objects.get().question) <= 500
    assert b"<script>alert" not in as_alice.get(url(faq.id, "chatflow_engine")).content


def test_the_engine_page_lists_them_and_fills_the_form(
    as_alice: Client, faq: Chatflow, question: UnansweredQuestion
) -> None:
    page = url(faq.id, "chatflow_engine")
    assert "Do you sell parrots?" in as_alice.get(page).content.decode()
    form = as_alice.get(page, {"answer": question.pk}).content.decode()
    assert 'value="Do you sell parrots?"' in form
    assert f'name="answers" value="{question.pk}"' in form
    for nonsense in ("0", "x", "-1", "9" * 30, "¹", ""):
        assert as_alice.get(page, {"answer": nonsense}).status_code == 200


def test_writing_an_answer_takes_it_from_the_list(
    as_alice: Client, faq: Chatflow, question: UnansweredQuestion
) -> None:
    data = {"question": "Are there parrots?", "answer": "No.", "answers": question.pk}
    refused = as_alice.post(url(faq.id, "faq_entry_add"), {**data, "answer": ""})
    assert refused.status_code == 422
    assert f'name="answers" value="{question.pk}"' in refused.content.decode()
    assert UnansweredQuestion.objects.exists()
    as_alice.post(url(faq.id, "faq_entry_add"), data)
    assert FaqEntry.objects.get().question == "Are there parrots?"
    assert not UnansweredQuestion.objects.exists()


def test_the_same_words_typed_or_imported_take_it_from_the_list_too(
    as_alice: Client, faq: Chatflow, question: UnansweredQuestion
) -> None:
    ask(faq, "And cats?")
    as_alice.post(url(faq.id, "faq_entry_add"), {"question": "and CATS?", "answer": "No."})
    assert list(faq.unanswered_questions.all()) == [question]
    data = {"text": "Do you sell  parrots?,No.", "existing": "keep"}
    shown = as_alice.post(url(faq.id, "faq_import"), data)
    as_alice.post(url(faq.id, "faq_import_save"), {"packed": shown.context["packed"]})
    assert not UnansweredQuestion.objects.exists()


def test_dismissing_takes_it_from_the_list_until_it_is_asked_again(
    as_alice: Client, faq: Chatflow, question: UnansweredQuestion
) -> None:
    as_alice.post(url(faq.id, "unanswered_dismiss", question.pk))
    assert not UnansweredQuestion.objects.exists()
    event = AuditEvent.objects.latest("sequence")
    assert event.action == "unanswered_question.dismiss"
    ask(faq, "Do you sell parrots?")
    assert UnansweredQuestion.objects.get().count == 1


def test_a_dismissal_is_undone(
    as_alice: Client, as_mallory: Client, faq: Chatflow, question: UnansweredQuestion
) -> None:
    count, last_at = question.count, question.last_at
    dismissed = as_alice.post(url(faq.id, "unanswered_dismiss", question.pk))
    undo = url(faq.id, "unanswered_restore", question.pk)
    assert f'action="{undo}"' in as_alice.get(dismissed["Location"]).content.decode()
    other = factories.chatflow(faq.team, "Other")
    elsewhere = url(other.id, "unanswered_restore", question.pk)
    assert [as_alice.post(elsewhere).status_code, as_mallory.post(undo).status_code] == [404, 404]
    assert as_alice.post(undo)["Location"].endswith("#unanswered")
    back = faq.unanswered_questions.get()
    assert (back.question, back.count, back.last_at) == (question.question, count, last_at)
    again = as_alice.post(undo, follow=True).content.decode()
    assert "can&#x27;t be put back" in again
    assert faq.unanswered_questions.count() == 1


def test_a_question_that_was_asked_again_keeps_both_counts(
    as_alice: Client, faq: Chatflow, question: UnansweredQuestion
) -> None:
    as_alice.post(url(faq.id, "unanswered_dismiss", question.pk))
    ask(faq, "do you sell PARROTS?")
    asked_at = faq.unanswered_questions.get().last_at
    as_alice.post(url(faq.id, "unanswered_restore", question.pk))
    back = faq.unanswered_questions.get()
    assert (back.count, back.last_at) == (question.count + 1, asked_at)


def test_another_teams_question_is_not_there(
    as_mallory: Client, globex: Team, question: UnansweredQuestion
) -> None:
    theirs = factories.chatflow(globex, "Theirs")
    dismiss = reverse("unanswered_dismiss", args=[globex.slug, theirs.id, question.pk])
    assert as_mallory.post(dismiss).status_code == 404
    page = reverse("chatflow_engine", args=[globex.slug, theirs.id])
    assert b"parrots" not in as_mallory.get(page, {"answer": question.pk}).content
    data = {"question": "Mine?", "answer": "Mine.", "answers": question.pk}
    as_mallory.post(reverse("faq_entry_add", args=[globex.slug, theirs.id]), data)
    assert UnansweredQuestion.objects.filter(pk=question.pk).exists()


def test_vera_reads_the_list_and_changes_nothing(
    as_vera: Client, faq: Chatflow, question: UnansweredQuestion
) -> None:
    body = as_vera.get(url(faq.id, "chatflow_engine")).content.decode()
    assert "Do you sell parrots?" in body
    assert "Write an answer" not in body
    assert "Dismiss" not in body
    assert as_vera.post(url(faq.id, "unanswered_dismiss", question.pk)).status_code == 403
