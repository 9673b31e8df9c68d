"""FAQ imports: what a file would change, and the change, all of it or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from accounts import audit
from accounts.permissions import Actor
from chatflows.faq import entries, unanswered
from chatflows.faq.files import Row, same_question
from chatflows.models import Chatflow, FaqEntry


@dataclass(frozen=True, slots=True)
class Replaced:
    """A row whose question is there with another answer."""

    row: Row
    entry: FaqEntry


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that changes nothing, and why."""

    row: Row
    why: str


@dataclass(slots=True)
class Plan:
    """What becomes of the rows of a file."""

    added: list[Row] = field(default_factory=list)
    replaced: list[Replaced] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def changes(self) -> int:
        """How many entries it touches."""
        return len(self.added) + len(self.replaced)

    @property
    def words(self) -> str:
        """The outcome in one sentence."""
        return (
            f"{len(self.added):,} added, {len(self.replaced):,} replaced, "
            f"{len(self.skipped):,} skipped."
        )


def plan(chatflow: Chatflow, rows: Sequence[Row], *, replace: bool) -> Plan:
    """What an import would do now. Two questions are the same whatever their case and spaces.

    With `replace` the file's answer takes the place of the one that is there.
    """
    there = {same_question(entry.question): entry for entry in chatflow.faq_entries.all()}
    lines: dict[str, int] = {}
    found = Plan()
    for row in rows:
        key = same_question(row.question)
        entry = there.get(key)
        if key in lines:
            found.skipped.append(Skipped(row, f"the same question as in line {lines[key]}"))
        elif entry is None:
            found.added.append(row)
        elif entry.answer == row.answer:
            found.skipped.append(Skipped(row, "already there, with this answer"))
        elif replace:
            found.replaced.append(Replaced(row, entry))
        else:
            found.skipped.append(Skipped(row, "already there, with another answer"))
        lines.setdefault(key, row.line)
    return found


@transaction.atomic
def save(chatflow: Chatflow, rows: Sequence[Row], by: Actor, *, replace: bool) -> Plan:
    """Do it: one transaction, one audit row, answered from by the next call."""
    Chatflow.objects.select_for_update().get(pk=chatflow.pk)  # two imports at once take turns
    done = plan(chatflow, rows, replace=replace)
    if not done.changes:
        return done
    FaqEntry.objects.bulk_create(
        [FaqEntry(chatflow=chatflow, question=r.question, answer=r.answer) for r in done.added]
    )
    for one in done.replaced:
        one.entry.answer = one.row.answer
    FaqEntry.objects.bulk_update([one.entry for one in done.replaced], ["answer"])
    unanswered.forget(chatflow, [row.question for row in done.added])
    entries.bump(chatflow)
    target = audit.Target("chatflow", str(chatflow.pk), chatflow.name)
    after = {"added": len(done.added), "replaced": len(done.replaced)}
    audit.record(chatflow.team_id, "faq_entries.import", by, target, after=after)
    return done
