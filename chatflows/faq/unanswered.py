"""Unanswered questions: noted by the recorder, gone once somebody writes an answer."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import audit
from accounts.permissions import Actor
from chatflows.faq import undo
from chatflows.faq.files import MAX_QUESTION, same_question
from chatflows.models import Chatflow, UnansweredQuestion, bulk
from chatflows.predictions.turns import Turn

KEEP = 200  # questions of one chatflow; the ones not asked for the longest time are deleted
COLUMNS = ("chatflow_id", "digest", "question", "count", "last_at")


def note(turns: Iterable[Turn]) -> None:
    """Note turns that got the fallback. The recorder calls it in its transaction."""
    counted: dict[tuple[UUID, str], tuple[str, int, datetime]] = {}
    for turn in turns:
        question = _clean(turn.question)
        if not question:
            continue
        key = (turn.chatflow_id, _digest(question))
        _, count, last_at = counted.get(key, ("", 0, turn.at))
        counted[key] = (question, count + 1, max(last_at, turn.at))
    # Sorted, so that two processes can't wait for each other's locks in a circle.
    rows = [
        (chatflow_id, digest, question, count, last_at)
        for (chatflow_id, digest), (question, count, last_at) in sorted(counted.items())
    ]
    if rows:
        _add(rows)
    for chatflow_id in {chatflow_id for chatflow_id, _ in counted}:
        _prune(chatflow_id)


def forget(chatflow: Chatflow, questions: Sequence[str]) -> None:
    """Delete questions that somebody wrote answers to."""
    digests = [_digest(_clean(question)) for question in questions]
    for start in range(0, len(digests), 500):
        some = digests[start : start + 500]
        chatflow.unanswered_questions.filter(digest__in=some).delete()


@transaction.atomic
def dismiss(question: UnansweredQuestion, by: Actor) -> None:
    """Delete a question that nobody is going to answer. It comes back when it is asked again."""
    chatflow, target = question.chatflow, _target(question)
    before = {
        "question": question.question,
        "count": question.count,
        "last_at": question.last_at.isoformat(),
        "chatflow": chatflow.name,
        "chatflow_id": str(chatflow.pk),
    }
    question.delete()
    audit.record(chatflow.team_id, "unanswered_question.dismiss", by, target, before=before)


@transaction.atomic
def restore(chatflow: Chatflow, question_id: int, by: Actor) -> UnansweredQuestion:
    """Put a question back that was dismissed lately.

    Raises as `undo.deleted`, and Gone for one that is still in the list.

    If it was asked again since, both counts are added.
    """
    chatflow = Chatflow.objects.select_for_update(no_key=True).get(pk=chatflow.pk)
    if chatflow.unanswered_questions.filter(pk=question_id).exists():
        raise undo.Gone
    action = "unanswered_question.dismiss"
    was = undo.deleted(chatflow, "unanswered_question", question_id, action)
    digest, last_at = _digest(was["question"]), datetime.fromisoformat(was["last_at"])
    mine = chatflow.unanswered_questions.filter(digest=digest)
    again = mine.first()
    last_at = max(last_at, again.last_at) if again else last_at
    _add([(chatflow.pk, digest, was["question"], was["count"], last_at)])
    target = audit.Target("unanswered_question", str(question_id), was["question"])
    audit.record(chatflow.team_id, "unanswered_question.restore", by, target)
    return mine.get()


def _target(question: UnansweredQuestion) -> audit.Target:
    return audit.Target("unanswered_question", str(question.pk), question.question)


def _prune(chatflow_id: UUID) -> None:
    mine = UnansweredQuestion.objects.filter(chatflow_id=chatflow_id).order_by("-last_at", "-pk")
    over = list(mine.values_list("pk", flat=True)[KEEP : KEEP + 1000])
    if over:
        UnansweredQuestion.objects.filter(pk__in=over).delete()


def _add(rows: Sequence[bulk.Row]) -> None:
    given = bulk.given((UnansweredQuestion, COLUMNS))
    table = bulk.table(UnansweredQuestion)
    # Without `WHERE true` SQLite would read the conflict's ON as that of a join.
    given.execute(
        f"INSERT INTO {table} ({bulk.names(COLUMNS)}) "  # noqa: S608
        f"SELECT {given.all(COLUMNS)} FROM {bulk.GIVEN} WHERE true{given.ordered} "
        f"ON CONFLICT (chatflow_id, digest) DO UPDATE SET "
        f'"count" = {table}."count" + excluded."count", last_at = excluded.last_at',
        rows,
    )


def _clean(question: str) -> str:
    return " ".join(question.replace("\0", "").split())[:MAX_QUESTION]


def _digest(question: str) -> str:
    return hashlib.sha256(same_question(question).encode("utf-8", "surrogatepass")).hexdigest()
