"""Reminders: mails about keys that end soon, and about secrets that are due to be rotated.

Each key gets at most one of a sort a day: `Notice` says which went out. What is due at one time
goes to each address in one mail.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from threading import Event

import structlog
from django.db import transaction
from django.db.models import Case, DateTimeField, Exists, ExpressionWrapper, F, OuterRef, When
from django.utils import timezone

from accounts.mail import outbox
from accounts.models import Team
from apikeys.models import ApiKey, ApiKeyQuerySet, KeySecret, Notice
from apikeys.services import recipients
from apikeys.services.life import policies

log = structlog.get_logger("flowlatch.reminders")

STAGES = (timedelta(days=1), timedelta(days=7), timedelta(days=30))  # before the end
DAY = timedelta(days=1)
EXPIRY = "key_expiry"  # the kind of the notice and of its mail
ROTATION = "key_rotation"
BATCH = 500  # keys of one transaction
NAMED = 50  # keys in one mail


def send_due(stopping: Event) -> None:
    """Mail what is due. After days without a worker only a key's nearest notice goes out."""
    if not outbox.is_configured():
        return  # the notices stay due until a mail server is set
    now = timezone.now()
    _send(EXPIRY, expiring(now), _end, stopping)
    for days in policies.intervals():
        _send(ROTATION, to_rotate(now, days), _age, stopping)


def expiring(now: datetime) -> ApiKeyQuerySet:
    """Return the usable keys whose end is near and that got no notice of it yet.

    A key that was made after a notice would have been due gets none: its maker has just chosen the
    end.
    """
    due = Case(
        *[
            When(
                expires_at__lte=now + stage,
                then=ExpressionWrapper(F("expires_at") - stage, DateTimeField()),
            )
            for stage in STAGES
        ],
        output_field=DateTimeField(),
    )
    told = Notice.objects.filter(subject=OuterRef("pk"), kind=EXPIRY)
    ending = ApiKey.objects.usable(now).filter(expires_at__lte=now + STAGES[-1])
    return (
        ending.annotate(due=due)
        .filter(created_at__lt=F("due"))
        .exclude(Exists(told.filter(at__gte=OuterRef("due"))))
        .exclude(Exists(told.filter(at__gt=now - DAY)))
    )


def to_rotate(now: datetime, days: int) -> ApiKeyQuerySet:
    """Return the usable keys with this interval whose newest secret is older than it.

    A key that is not rotated comes again after another interval.
    """
    since = now - timedelta(days=days)
    newer = KeySecret.objects.filter(key=OuterRef("pk"), created_at__gt=since)
    told = Notice.objects.filter(subject=OuterRef("pk"), kind=ROTATION, at__gt=since)
    due = policies.with_interval(ApiKey.objects.usable(now), days)
    return due.exclude(Exists(newer)).exclude(Exists(told))


Words = Callable[[ApiKey, datetime], dict[str, object]]


def _send(kind: str, due: ApiKeyQuerySet, words: Words, stopping: Event) -> None:
    teams = Team.objects.filter(pk__in=due.order_by().values("team")).order_by("pk")
    for team in teams:
        for keys in _batches(due.of(team)):
            if stopping.is_set():
                return
            _tell(kind, team, keys, words)


def _batches(due: ApiKeyQuerySet) -> Iterator[list[ApiKey]]:
    told = due.with_status().select_related("contact").order_by("pk")
    keys = list(told[:BATCH])
    while keys:
        yield keys
        keys = list(told.filter(pk__gt=keys[-1].pk)[:BATCH])


@transaction.atomic
def _tell(kind: str, team: Team, keys: Sequence[ApiKey], words: Words) -> None:
    """Queue the mails about some keys of a team, and note it.

    Of two workers at once the second fails at the notices and begins anew at its next run.
    """
    now = timezone.now()
    Notice.objects.bulk_create(
        Notice(team=team, subject=key.id, kind=kind, about=_about(key, kind, now), at=now)
        for key in keys
    )
    by_address: defaultdict[str, list[ApiKey]] = defaultdict(list)
    for key in keys:
        for address in recipients.of_key(key):
            by_address[address].append(key)
    for address, theirs in by_address.items():
        context = {
            "team_name": team.name,
            "keys": [_named(key, team) | words(key, now) for key in theirs[:NAMED]],
            "count": len(theirs),
            "more": max(0, len(theirs) - NAMED),
            "link": outbox.link("key_list", team.slug),
        }
        recipients.tell(kind, [address], context, team)
    log.info("reminders queued", kind=kind, team=team.slug, keys=len(keys))


def _about(key: ApiKey, kind: str, now: datetime) -> str:
    """Return what made the notice due, for the constraint that it goes out once."""
    if kind == ROTATION or key.expires_at is None:
        return f"{now:%Y-%m-%d}"
    left = key.expires_at - now
    stage = next(each for each in STAGES if left <= each)
    return f"{key.expires_at:%Y-%m-%dT%H:%M:%S} {stage.days}"


def _named(key: ApiKey, team: Team) -> dict[str, object]:
    return {
        "name": key.name,
        "hint": "{}{}…{}".format(*key.hint_parts),
        "link": outbox.link("key_page", team.slug, key.id),
    }


def _end(key: ApiKey, now: datetime) -> dict[str, object]:
    return {"expires_at": key.expires_at}


def _age(key: ApiKey, now: datetime) -> dict[str, object]:
    secret = key.secret
    return {"made_at": secret.created_at if secret else key.created_at}
