"""Budgets: tell people when a month's tokens or money come to an end. The worker calls it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts import audit
from accounts.bounds import NANOS, Measure
from accounts.mail import outbox
from accounts.models import Team
from accounts.permissions import Actor
from apikeys.models import ApiKey, Notice
from apikeys.services import recipients
from chatflows.calls.usage import month_of
from chatflows.models import Chatflow, PeriodCount

BY = Actor("system", "budgets", "Flowlatch")
NEAR = 5  # a fifth is left: 80 % of the limit are used
COUNTS = {Measure.TOKENS: ("tokens", "refused_tokens"), Measure.BUDGET: ("cost", "refused_cost")}
LIMITS = {Measure.TOKENS: "tokens", Measure.BUDGET: "budget"}
# The kinds of notices, which are the kinds of mails too.
NEAR_LIMIT, AT_LIMIT = "near_limit", "at_limit"
ACTIONS = {
    ("api_key", NEAR_LIMIT): "api_key.near_limit",
    ("api_key", AT_LIMIT): "api_key.at_limit",
    ("chatflow", NEAR_LIMIT): "chatflow.near_limit",
    ("chatflow", AT_LIMIT): "chatflow.at_limit",
}


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a limit bounds, as mails and the audit trail name it."""

    kind: str
    id: UUID
    team: Team
    name: str
    link: str
    recipients: Callable[[], list[str]]


@dataclass(frozen=True, slots=True)
class _Used:
    """How much of one limit a subject has used this month."""

    subject: _Subject
    measure: Measure
    taken: int
    limit: int
    is_used_up: bool


def warn(stopping: Event) -> None:
    """Send what is due about limits of this month, each kind once for each limit."""
    now = timezone.now()
    for used in _due(now):
        if stopping.is_set():
            return
        _notify(used, now)


def _due(now: datetime) -> Iterator[_Used]:
    month = month_of(now)
    keys = ApiKey.objects.kept().select_related("team", "contact")
    chatflows = Chatflow.objects.select_related("team")
    for measure in COUNTS:
        for key in _near(keys, measure, month):
            yield _used(_of_key(key), measure, key)
        for chatflow in _near(chatflows, measure, month):
            yield _used(_of_chatflow(chatflow), measure, chatflow)


def _near(rows: QuerySet[Any], measure: Measure, month: str) -> Iterator[Any]:
    """Yield the rows that have used most of a limit. An index finds those that have the limit."""
    taken, refused = COUNTS[measure]
    count = PeriodCount.objects.filter(subject=OuterRef("pk"), period=month)
    limit = F(f"limit_{measure}")
    found = rows.filter(**{f"limit_{measure}__gt": 0}).annotate(
        taken=Subquery(count.values(taken)[:1]), refused=Subquery(count.values(refused)[:1])
    )
    yield from found.filter(taken__gte=limit - limit / NEAR)


def _used(subject: _Subject, measure: Measure, row: Any) -> _Used:
    limit: int = getattr(row, f"limit_{measure}")
    # What is left may be less than any call reserves: then calls are refused before all is spent.
    return _Used(subject, measure, row.taken, limit, bool(row.taken >= limit or row.refused))


def _of_key(key: ApiKey) -> _Subject:
    link = outbox.link("key_page", key.team.slug, key.id)
    return _Subject("api_key", key.id, key.team, key.name, link, lambda: recipients.of_key(key))


def _of_chatflow(chatflow: Chatflow) -> _Subject:
    team, name = chatflow.team, chatflow.name
    link = outbox.link("chatflow_access", team.slug, chatflow.id)
    return _Subject("chatflow", chatflow.id, team, name, link, lambda: recipients.of_team(team))


@transaction.atomic
def _notify(used: _Used, now: datetime) -> None:
    """Queue the mails about a limit and note it in the audit trail, unless that was done."""
    # A limit that was changed begins anew.
    about = f"{month_of(now)} {used.measure} {used.limit}"
    kinds = [NEAR_LIMIT, AT_LIMIT] if used.is_used_up else [NEAR_LIMIT]
    news = [kind for kind in kinds if _is_new(used.subject, kind, about, now)]
    if kinds[-1] not in news:
        return
    kind = kinds[-1]  # nobody is told that 80 % are used when all is
    values = _values(used, now)
    recipients.tell(kind, used.subject.recipients(), values, used.subject.team)
    target = audit.Target(used.subject.kind, str(used.subject.id), used.subject.name)
    after = {name: values[name] for name in ("limit", "used", "of")}
    action = ACTIONS[used.subject.kind, kind]
    audit.record(used.subject.team.id, action, BY, target, after=after)


def _is_new(subject: _Subject, kind: str, about: str, now: datetime) -> bool:
    _, is_made = Notice.objects.get_or_create(
        subject=subject.id,
        kind=kind,
        about=about,
        defaults={"team": subject.team, "at": now},
    )
    return is_made


def _values(used: _Used, now: datetime) -> dict[str, object]:
    """Return what both kinds of mails say."""
    subject = used.subject
    next_month = (now.replace(day=1) + timedelta(days=32)).replace(day=1)
    return {
        "team_name": subject.team.name,
        "subject": "key" if subject.kind == "api_key" else "chatflow",
        "name": subject.name,
        "limit": LIMITS[used.measure],
        "used": _amount(used.measure, used.taken),
        "of": _amount(used.measure, used.limit),
        "percent": min(used.taken * 100 // used.limit, 100),
        "until": next_month.date(),
        "link": subject.link,
    }


def _amount(measure: Measure, value: int) -> str:
    return f"{Decimal(value) / NANOS:,.2f}" if measure is Measure.BUDGET else f"{value:,}"
