"""Reports of leaked keys: taken without a word about what they hold, and handled at once.

Possession of the text is the proof. The answer is the same for every report and is sent before a
candidate is looked at, so that neither its words nor its time tell whether a key is live.
"""

import hmac
from collections.abc import Iterable
from datetime import timedelta
from threading import Event

import structlog
from django.db import transaction
from django.db.models import F
from django.http import HttpResponse
from django.utils import timezone

from accounts import audit
from accounts.limits import stores
from accounts.limits.rates import Rate
from accounts.mail import outbox
from accounts.models import names
from accounts.network import addresses
from accounts.outages import OUTAGES
from accounts.permissions import Actor
from apikeys.leaks.candidates import Found, candidates
from apikeys.models import ApiKey, KeySecret, LeakCandidate, Notice
from apikeys.models.leaks import LONGEST_PAUSE
from apikeys.services import keys, recipients

log = structlog.get_logger("flowlatch.leaks")

RATE = Rate("leak reports", 10)  # of one address in a minute; beyond it nothing is done
FIRST_PAUSE = timedelta(seconds=1)
GIVEN_UP_AFTER = timedelta(days=1)
KIND = "key_leaked"
BY = Actor("system", "leaks", "Leak report")
HOLDER = "the key's own holder, on the holder's page"  # a source
THANKS = "Thank you. If this is a live secret key of this server, it stops working within seconds."


def receive(found: Iterable[Found], address: str, response: HttpResponse) -> None:
    """Keep what can be a key, and look at it once the answer is sent.

    `address` is the reporter's. Raises Unavailable if nothing can be kept.
    """
    host = str(addresses.host_of(addresses.parse(address)))
    if not stores.admit([(RATE, host)]).is_admitted:
        return
    network = addresses.network_of(address)
    LeakCandidate.objects.bulk_create(
        LeakCandidate(
            public_id=each.public_id,
            digests=[list(pair) for pair in each.digests],
            source=each.source,
            network=network,
        )
        for each in candidates(found)
    )
    response._resource_closers.append(_handle_now)  # type: ignore[attr-defined]


def handle(stopping: Event) -> None:
    """Look at every candidate that waits.

    The worker calls it for those whose process ended, whose reporter hung up before the answer, or
    at which the last look failed.
    """
    waiting = LeakCandidate.objects.due(timezone.now()).order_by("pk")
    for row in waiting.iterator(chunk_size=100):
        if stopping.is_set():
            return
        try:
            _handle(row)
        except Exception as error:  # one report must not hold up those behind it
            _put_off(row, error)


def _put_off(row: LeakCandidate, error: Exception) -> None:
    """Look again after a pause that doubles. After a day give up, and name the key to check."""
    now, mine = timezone.now(), LeakCandidate.objects.filter(pk=row.pk)
    public_id, name = row.public_id, type(error).__name__
    if now - row.reported_at >= GIVEN_UP_AFTER:
        mine.delete()
        log.error("leak report given up", public_id=public_id, error=name, exc_info=error)
        return
    pause = min(FIRST_PAUSE * 2 ** min(row.failed, 20), LONGEST_PAUSE)
    mine.update(failed=row.failed + 1, next_at=now + pause)
    seconds = pause.total_seconds()
    log.error("leak report waits", public_id=public_id, error=name, seconds=seconds)


def open_report(key: ApiKey) -> Notice | None:
    """Return the latest report of a text of the key that has not ended since, or None."""
    live = {secret.public_id for secret in (key.secret, key.old_secret) if secret is not None}
    told = Notice.objects.of(key.team).filter(subject=key.id, kind=KIND).order_by("-at")[:10]
    return next((notice for notice in told if notice.about.split()[0] in live), None)


@transaction.atomic
def stop(secret: KeySecret, address: str) -> None:
    """Stop a key that its own holder reports. `address` is the holder's.

    The holder showed the text, so it is as good a proof as a report that contains it.
    """
    live = KeySecret.objects.live(timezone.now()).filter(pk=secret.pk)
    found = live.select_related("key__team", "key__service_account").first()
    if found is not None:
        _stop(found, HOLDER, addresses.network_of(address))


def _handle_now() -> None:
    try:
        handle(Event())
    except OUTAGES as error:  # the rows wait for the worker
        log.warning("leak reports wait", error=type(error).__name__)


@transaction.atomic
def _handle(row: LeakCandidate) -> None:
    if not LeakCandidate.objects.filter(pk=row.pk).delete()[0]:
        return  # another process looks at it
    now = timezone.now()
    secrets = KeySecret.objects.live(now).filter(public_id=row.public_id)
    secret = secrets.select_related("key__team", "key__service_account").first()
    if secret is None or not _is_right(secret, row) or secret.key.deleted_at is not None:
        return
    if secret.key.is_publishable:
        ApiKey.objects.filter(pk=secret.key_id).update(leak_reports=F("leak_reports") + 1)
        return
    _stop(secret, row.source, row.network)


def _stop(secret: KeySecret, source: str, network: str) -> None:
    """Disable the key of a live secret, and tell its people, once a day and secret."""
    # Locked first: of two reports at once the second finds the notice of the first.
    rows = ApiKey.objects.select_for_update(of=("self",), no_key=True)
    key, now = rows.select_related("team", "service_account").get(pk=secret.key_id), timezone.now()
    if key.deleted_at is not None or (key.expires_at is not None and key.expires_at <= now):
        return
    was_disabled = key.disabled_at is not None
    day = f"{secret.public_id} {now.date()}"
    is_new = not Notice.objects.of(key.team).filter(subject=key.id, kind=KIND, about=day).exists()
    if was_disabled and not is_new:
        return
    keys.disable(key, BY)
    if is_new:
        Notice.objects.create(team=key.team, subject=key.id, kind=KIND, about=day, at=now)
    after = {"public_id": secret.public_id, "source": source, "network": network}
    audit.record(key.team_id, "api_key.leak_report", BY, keys.target(key), after=after)
    _tell(secret, source, network)
    log.info("leaked key disabled", key=str(key.id))


def _is_right(secret: KeySecret, row: LeakCandidate) -> bool:
    return any(
        version == secret.pepper_version and hmac.compare_digest(digest, secret.digest)
        for version, digest in row.digests
    )


def _tell(secret: KeySecret, source: str, network: str) -> None:
    key = secret.key
    values = {
        "team_name": names.unlinked(key.team.name),
        "key_name": names.unlinked(key.name),
        "hint": f"{secret}…{secret.public_id[-4:]}",
        # A stranger's own text, spelled so that no mail program makes a link of it.
        "source": names.unlinked(source),
        "network": network,
        "link": outbox.link("key_page", key.team.slug, key.id),
    }
    recipients.tell(KIND, recipients.of_key(key), values, key.team)
