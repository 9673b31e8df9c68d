"""Lock-outs: who may try a password now, and who has to wait. The counters are in the database.

Code that checks a password calls `begin` before any hash, and `note_success` if the password was
right.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.crypto import digests
from accounts.limits.too_many import TooMany
from accounts.models import LockOut
from accounts.models.names import fold
from accounts.network import addresses

WINDOW = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=8)
FORGOTTEN_AFTER = timedelta(days=1)
LIMIT = 10  # failures for one name and network; after that each one doubles the wait
DEVICE_LIMIT = 5  # for a device that was logged in before
NETWORK_LIMIT = 100  # in 15 minutes for all names from one network
MAX_SUBJECT_LENGTH = 400  # characters that are looked at; to fold many takes their square in time


class Kind(StrEnum):
    """What is tried. Each kind has its own counters."""

    LOGIN = "login"
    FRESH_LOGIN = "fresh_login"
    FLOW_LOGIN = "flow_login"
    RESET = "reset"  # no password: asking for a link by mail
    KEY_TEXT = "key_text"  # no password: a key's text on its holder's page


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt with a password for `subject` (as it was typed) from a network address.

    `device` names a device that this person logged in on before, which `known_devices` read from a
    signed cookie. It is then counted instead of the network, which strangers could use up.
    """

    kind: Kind
    subject: str
    address: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A counter of failures, and the digest under which it is stored."""

    digest: str
    limit: int
    is_growing: bool = True

    def failures(self, row: LockOut, now: datetime) -> int:
        """Return how many failures still count."""
        past = max(now - row.last_failed_at, timedelta())
        if not self.is_growing:  # a whole network forgets evenly, and never waits longer
            return max(0, row.failures - int(past / (WINDOW / self.limit)))
        is_quiet = past >= (WINDOW if row.failures < self.limit else FORGOTTEN_AFTER)
        return 0 if is_quiet else row.failures

    def wait(self, row: LockOut, now: datetime) -> timedelta:
        """Return how long nothing is checked; zero or less if the attempt may be checked."""
        excess = self.failures(row, now) - self.limit
        if excess < 0:
            return timedelta()
        doublings = min(excess, 10) if self.is_growing else 0
        longest = LONGEST_WAIT if self.is_growing else WINDOW / self.limit
        free_at: datetime = row.last_failed_at + min(WINDOW * (1 << doublings), longest)
        return free_at - now


class _QuietBucket(_Bucket):
    """A counter that forgets everything once nothing was tried for a whole window."""

    def failures(self, row: LockOut, now: datetime) -> int:
        """Return how many failures still count."""
        return 0 if now - row.last_failed_at >= WINDOW else row.failures

    def wait(self, row: LockOut, now: datetime) -> timedelta:
        """Return how long nothing is checked; zero or less if the attempt may be checked."""
        is_full = row.failures >= self.limit
        return row.last_failed_at + WINDOW - now if is_full else timedelta()


def begin(attempt: Attempt) -> None:
    """Count an attempt as failed before it is checked, so that many attempts at once gain nothing.

    Raises TooMany if the password must not be checked at all, even if it is right.
    """
    wait = _count(attempt)
    if wait > timedelta():
        raise TooMany(wait, f"Too many tries. Wait {in_words(wait)}, then try again.")


@transaction.atomic(durable=True)
def _count(attempt: Attempt) -> timedelta:
    # Returns how long to wait; then nothing is counted.
    now = timezone.now()
    counted: list[tuple[_Bucket, LockOut]] = []
    for bucket in _buckets(attempt):
        row, _ = LockOut.objects.select_for_update(no_key=True).get_or_create(
            digest=bucket.digest, defaults={"failures": 0, "last_failed_at": now}
        )
        if row.last_failed_at > now:  # the clock ran back: a wait ends as if it began now
            row.last_failed_at = now
            row.save(update_fields=["last_failed_at"])
        wait = bucket.wait(row, now)
        if wait > timedelta():
            return wait
        counted.append((bucket, row))
    for bucket, row in counted:
        row.failures, row.last_failed_at = bucket.failures(row, now) + 1, now
        row.save(update_fields=["failures", "last_failed_at"])
    return timedelta()


def note_success(attempt: Attempt) -> None:
    """Note that the password was right: clear its name's counter, uncount it for the network."""
    *network, own = _buckets(attempt)
    LockOut.objects.filter(digest=own.digest).delete()
    _take_back(network)


def uncount(attempt: Attempt) -> None:
    """Uncount an attempt that could not be checked because the server was busy."""
    _take_back(_buckets(attempt))


def forget_old() -> int:
    """Delete the counters that no longer count, and return how many. The worker calls it."""
    old = LockOut.objects.filter(last_failed_at__lt=timezone.now() - FORGOTTEN_AFTER)
    return old.delete()[0]


def in_words(wait: timedelta) -> str:
    """Return a wait in words, rounded up."""
    minutes = -(-int(wait.total_seconds()) // 60) or 1
    if minutes < 100:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{-(-minutes // 60)} hours"


def _buckets(attempt: Attempt) -> Sequence[_Bucket]:
    # The network's first: while it is full, made-up names fill no table.
    if attempt.device:
        return [_Bucket(_digest(attempt.kind, "device", attempt.device), DEVICE_LIMIT)]
    network = addresses.network_of(attempt.address)
    if attempt.kind is Kind.KEY_TEXT:  # no name: nobody's wrong texts count against a key
        return [_QuietBucket(_digest(attempt.kind, "network", network), LIMIT)]
    # Upper case first: a database may take letters like a dotless i for the plain one.
    name = fold(attempt.subject.strip()[:MAX_SUBJECT_LENGTH].upper())
    return [
        _Bucket(_digest(attempt.kind, "network", network), NETWORK_LIMIT, is_growing=False),
        _Bucket(_digest(attempt.kind, "name", network, name), LIMIT),
    ]


def _take_back(buckets: Sequence[_Bucket]) -> None:
    taken = LockOut.objects.filter(digest__in=[b.digest for b in buckets], failures__gt=0)
    taken.update(failures=F("failures") - 1)


def _digest(*parts: str) -> str:
    return digests.pepper_digest(json.dumps(["lock-out", *parts]))[1]
