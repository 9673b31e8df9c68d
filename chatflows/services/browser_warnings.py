"""Browser warnings: tell people once when a secret key is sent by a web page. The worker calls it.

A key gets at most one mail a day. It names every origin that none before it has named.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from threading import Event
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.mail import outbox
from accounts.models import names
from accounts.models.link_tokens import AHEAD
from accounts.permissions import Actor
from apikeys.models import ApiKey, Kind, Notice
from apikeys.services import browsers, recipients
from chatflows.models import OriginDay

BY = Actor("system", "browsers", "Flowlatch")
KIND = "key_in_browser"  # of the notices and of the mail
LOOKED_AT = timedelta(days=2)  # back from now: a worker that was away for longer has missed it
EVERY = timedelta(days=1)  # between two mails about one key
BATCH = 500  # keys
NAMED = 5  # origins in one mail


def warn(stopping: Event) -> None:
    """Queue the mails that are due. Without a mail server they stay due until there is one."""
    if not outbox.is_configured():
        return
    for key, seen in _due():
        if stopping.is_set():
            return
        _tell(key, seen)


def _due() -> Iterator[tuple[ApiKey, Sequence[str]]]:
    """Yield the secret keys that browsers sent lately and that no mail told of in the last day."""
    now = timezone.now()
    lately = {"at__gt": now - EVERY, "at__lte": now + AHEAD}  # not of a clock that ran back
    told = Notice.objects.filter(subject=OuterRef("pk"), kind=KIND, **lately)
    keys = ApiKey.objects.kept().filter(kind=Kind.SECRET).exclude(Exists(told))
    seen = OriginDay.objects.filter(day__gte=(now - LOOKED_AT).date())
    rows = seen.filter(Exists(keys.filter(pk=OuterRef("key_id")))).order_by("key_id", "origin")
    for ids, batch in _batches(rows):
        found = keys.filter(pk__in=ids).with_status().select_related("contact")
        for key in found.order_by("pk"):
            yield key, batch[key.pk]


def _batches(rows: QuerySet[OriginDay]) -> Iterator[tuple[list[UUID], dict[UUID, list[str]]]]:
    origins: defaultdict[UUID, list[str]] = defaultdict(list)
    for key_id, origin in rows.values_list("key_id", "origin").distinct():
        origins[key_id].append(origin)
    ids = list(origins)
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH], origins


@transaction.atomic
def _tell(key: ApiKey, seen: Sequence[str]) -> None:
    """Queue the mails about origins of a key that are new, and note them.

    Of two workers at once the second fails at the notices and begins anew at its next run.
    """
    told = set(Notice.objects.of(key.team).filter(subject=key.id, kind=KIND).values_list("about"))
    news = [origin for origin in seen if (_about(origin),) not in told]
    if not news:
        return
    now = timezone.now()
    Notice.objects.bulk_create(
        Notice(team=key.team, subject=key.id, kind=KIND, about=_about(origin), at=now)
        for origin in news
    )
    words = sorted({browsers.words(origin) for origin in news})
    values = {
        "team_name": names.unlinked(key.team.name),
        "key_name": names.unlinked(key.name),
        "hint": "{}{}…{}".format(*key.hint_parts) if key.secret else "",
        "origins": [names.unlinked(each) for each in words[:NAMED]],
        "more": max(0, len(words) - NAMED),
        "link": outbox.link("key_page", key.team.slug, key.id),
    }
    recipients.tell(KIND, recipients.of_key(key), values, key.team)
    target = audit.Target("api_key", str(key.id), key.name)
    after = {"origins": words[:NAMED]}
    audit.record(key.team_id, "api_key.see_in_browser", BY, target, after=after)


def _about(origin: str) -> str:
    """Return what names an origin in a notice, whose column is shorter than origins may be."""
    return hashlib.sha256(origin.encode()).hexdigest()[:40]
