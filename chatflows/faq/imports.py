"""FAQ imports: plan what a file would change, then change all of it or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from accounts import audit
from accounts.permissions import Actor
from chatflows.faq import entries, unanswered
from chatflows.faq.files import same_question
from chatflows.faq.found import Row
from chatflows.models import Chatflow, FaqEntry


@dataclass(frozen=True, slots=True)
class Replaced:
    """A row whose question exists with another answer, which it replaces."""

    row: Row
    entry: FaqEntry


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that changes nothing, and the reason."""

    row: Row
    why: str


@dataclass(slots=True)
class Plan:
    """What an import does with the rows of a file."""

    added: list[Row] = field(default_factory=list)
    replaced: list[Replaced] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def changes(self) -> int:
        """The number of entries that it adds or replaces."""
        return len(self.added) + len(self.replaced)

    @property
    def words(self) -> str:
        """The outcome in one sentence."""
        return (
            f"{len(self.added):,} added, {len(self.replaced):,} replaced, "
            f"{len(self.skipped):,} skipped."
        )


def plan(chatflow: Chatflow, rows: Sequence[Row], *, replace: bool) -> Plan:
    """Plan what an import would do now. Case and spaces make no difference between questions.

    With `replace` the file's answer replaces an answer that exists.
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
    """Import the rows in one transaction. The next call is answered from them."""
    # Of two imports at once, the second waits.
    Chatflow.objects.select_for_update(no_key=True).get(pk=chatflow.pk)
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
