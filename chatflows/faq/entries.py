"""FAQ entries: add, change and delete them. The next call is answered from the change."""

from django.db import transaction
from django.db.models import F

from accounts import audit
from accounts.audit import trail
from accounts.permissions import Actor
from accounts.services import versions
from chatflows.faq import unanswered, undo
from chatflows.models import Chatflow, FaqEntry, UnansweredQuestion


@transaction.atomic
def add(
    chatflow: Chatflow,
    question: str,
    answer: str,
    by: Actor,
    *,
    answers: UnansweredQuestion | None = None,
) -> FaqEntry:
    """Add an entry at the end. The unanswered question that it `answers` leaves its list."""
    entry = FaqEntry.objects.create(chatflow=chatflow, question=question, answer=answer)
    unanswered.forget(chatflow, [question, *([answers.question] if answers else [])])
    _changed(chatflow, "faq_entry.create", entry, by, after=_facts(entry))
    return entry


def version_of(entry: FaqEntry) -> str:
    """Return the version of an entry."""
    return versions.of({"question": entry.question, "answer": entry.answer})


def latest_by(entry: FaqEntry) -> str:
    """Return who changed an entry last: on its own, or by an import."""
    team_id, chatflow_id = entry.chatflow.team_id, entry.chatflow_id
    rows = (
        trail.latest(team_id, "faq_entry", entry.pk),
        trail.latest(team_id, "chatflow", chatflow_id, "faq_entries.import"),
    )
    found = max(filter(None, rows), key=lambda row: row.sequence, default=None)
    return found.actor_name if found else "Someone else"


def deleted_by(chatflow: Chatflow, entry_id: int) -> str | None:
    """Return who deleted an entry of this chatflow, or None if it never had that one."""
    last = trail.latest(chatflow.team_id, "faq_entry", entry_id, "faq_entry.delete")
    is_mine = last is not None and (last.before or {}).get("chatflow_id") == str(chatflow.pk)
    return last.actor_name if last is not None and is_mine else None


@transaction.atomic
def update(
    entry: FaqEntry, question: str, answer: str, by: Actor, *, version: str | None = None
) -> None:
    """Change the question and the answer of an entry.

    Raises Stale if `version` is an older one, and FaqEntry.DoesNotExist if the entry was deleted.
    """
    # Whoever imports or restores holds the chatflow too.
    Chatflow.objects.select_for_update(no_key=True).get(pk=entry.chatflow_id)
    entry.refresh_from_db(fields=["question", "answer"])
    before = _facts(entry)
    versions.check(version, {"question": entry.question, "answer": entry.answer})
    entry.question, entry.answer = question, answer
    entry.save()
    _changed(entry.chatflow, "faq_entry.update", entry, by, before=before, after=_facts(entry))


@transaction.atomic
def delete(entry: FaqEntry, by: Actor) -> None:
    """Delete an entry."""
    before = _facts(entry) | {"chatflow_id": str(entry.chatflow_id)}
    target = FaqEntry(pk=entry.pk, question=entry.question)
    entry.delete()
    _changed(entry.chatflow, "faq_entry.delete", target, by, before=before)


@transaction.atomic
def restore(chatflow: Chatflow, entry_id: int, by: Actor) -> FaqEntry:
    """Put an entry back, as it was when it was deleted lately. Raises as `undo.deleted`."""
    chatflow = Chatflow.objects.select_for_update(no_key=True).get(pk=chatflow.pk)
    was = undo.deleted(chatflow, "faq_entry", entry_id, "faq_entry.delete")
    question, answer = was["question"], was["answer"]
    entry = FaqEntry.objects.create(
        pk=entry_id, chatflow=chatflow, question=question, answer=answer
    )
    _changed(chatflow, "faq_entry.restore", entry, by, after=_facts(entry))
    return entry


def version_of_fallback(chatflow: Chatflow) -> str:
    """Return the version of the fallback."""
    return versions.of({"fallback": chatflow.fallback})


@transaction.atomic
def set_fallback(chatflow: Chatflow, text: str, by: Actor, *, version: str | None = None) -> None:
    """Set what the FAQ says when no entry answers. Empty means the standard sentence.

    Raises Stale if `version` is an older one.
    """
    locked = Chatflow.objects.select_for_update(no_key=True).get(pk=chatflow.pk)
    before = {"fallback": locked.fallback}
    versions.check(version, before)
    chatflow.fallback = text
    chatflow.save(update_fields=["fallback"])
    bump(chatflow)
    target = audit.Target("chatflow", str(chatflow.pk), chatflow.name)
    after = {"fallback": text}
    audit.record(chatflow.team_id, "chatflow.set_fallback", by, target, before=before, after=after)


def bump(chatflow: Chatflow) -> None:
    """Note that the entries or the fallback changed, so that every process reads them anew."""
    Chatflow.objects.filter(pk=chatflow.pk).update(engine_version=F("engine_version") + 1)


def _changed(
    chatflow: Chatflow,
    action: str,
    entry: FaqEntry,
    by: Actor,
    *,
    before: audit.Facts | None = None,
    after: audit.Facts | None = None,
) -> None:
    bump(chatflow)
    target = audit.Target("faq_entry", str(entry.pk), entry.question)
    audit.record(chatflow.team_id, action, by, target, before=before, after=after)


def _facts(entry: FaqEntry) -> dict[str, object]:
    name = entry.chatflow.name
    return {"question": entry.question, "answer": entry.answer, "chatflow": name}
