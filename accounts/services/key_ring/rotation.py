"""Rotation: add a version of a purpose to the ring, use it, and let go of older ones.

Running processes read the file again within seconds, so a version is known everywhere before one of
them writes with it. The file is the last to learn of a new version and of its use, and the first
thing that the database forgets is an old one: a crash in between leaves a ring that serves.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.crypto import digests, ring_changes
from accounts.crypto.keyring import KeyRing, Purpose
from accounts.models import RingKey
from accounts.permissions import Actor
from accounts.services import ring_keys
from accounts.services.key_ring import processes, rows
from accounts.services.key_ring.processes import Seen


class Refused(Exception):
    """The ring stays as it is. The message is one line that says why, and what to do."""


class Version(NamedTuple):
    """A version of a purpose, as `status` tells it."""

    purpose: Purpose
    number: int
    is_used: bool
    is_added: bool
    used_at: datetime | None
    needed_by: Mapping[str, int]
    known_by: int  # of the processes that run


class Status(NamedTuple):
    """The ring as it is now, and the processes that run."""

    versions: list[Version]
    running: list[Seen]


def status() -> Status:
    """Return all versions of the ring, and who runs. Raises KeyRingError."""
    held = ring_keys.check(settings.KEY_RING_PATH)
    running = processes.running()
    used_at = {(k.purpose, k.version): k.used_at for k in RingKey.objects.all()}
    versions = [
        Version(
            purpose=purpose,
            number=number,
            is_used=number == held.current(purpose)[0],
            is_added=number in held.added.get(purpose, {}),
            used_at=used_at.get((purpose.value, number)),
            needed_by=rows.needing(purpose, number),
            known_by=sum(digests.key_fingerprint(key) in seen.knows for seen in running),
        )
        for purpose in Purpose
        for number, key in sorted(held.every(purpose).items())
    ]
    return Status(versions, running)


def add(purpose: Purpose, by: Actor) -> int:
    """Add a version that is known and not used, and return it. Raises KeyRingError, Refused."""
    with _alone() as (path, held):
        for waiting in held.added.get(purpose, {}):
            raise Refused(
                f"{_named(purpose, waiting)} is in the key ring and not used yet. Use that one: "
                f"manage.py keyring use {purpose}"
            )
        known = RingKey.objects.filter(purpose=purpose).values_list("version", flat=True)
        version = max(*held.every(purpose), *known) + 1
        _record("key_ring.add", purpose, version, by)
        ring_keys.note(ring_changes.add(path, purpose, version))
    return version


def use(purpose: Purpose, by: Actor) -> int:
    """Use the version that was added, and return it. Raises KeyRingError, Refused.

    It is refused until each process that runs has said that it knows the version.
    """
    with _alone() as (path, held):
        for version, key in held.added.get(purpose, {}).items():
            _refuse_strangers(purpose, version, digests.key_fingerprint(key))
            ring_keys.note(held)
            # Another machine may have used it before this one.
            first = RingKey.objects.filter(purpose=purpose, version=version, used_at=None)
            first.update(used_at=timezone.now())
            _record("key_ring.use", purpose, version, by)
            ring_changes.use(path, purpose)
            return version
    raise Refused(
        f"No new version of the {purpose} key was added. Add one: manage.py keyring add {purpose}"
    )


def retire(purpose: Purpose, by: Actor, *, now: bool = False) -> list[int]:
    """Let go of all versions older than the one in use, and return them.

    It is refused while rows need them. What the signing key has signed is in no row: its older
    versions are kept for as long as a session lives, unless `now`. Raises KeyRingError, Refused.
    """
    with _locked() as path:
        with transaction.atomic():
            held = _checked(path)
            used, _ = held.current(purpose)
            older = sorted(held.keys[purpose].keys() - {used})
            if not older:
                raise Refused(f"The {purpose} key has no version older than the one in use.")
            _refuse_needed(purpose, older)
            _refuse_users(purpose, used)
            if purpose is Purpose.SIGNING and not now:
                _refuse_early(used)
            RingKey.objects.filter(purpose=purpose, version__in=older).delete()
            for version in older:
                _record("key_ring.retire", purpose, version, by)
        ring_changes.retire(path, purpose)
    return older


@contextmanager
def _locked() -> Iterator[Path]:
    path = settings.KEY_RING_PATH
    ring_keys.check(path)  # a foreign ring is named as such, whatever else is at work
    with ring_changes.alone(path):
        yield path


@contextmanager
def _alone() -> Iterator[tuple[Path, KeyRing]]:
    with _locked() as path, transaction.atomic():
        yield path, _checked(path)


def _checked(path: Path) -> KeyRing:
    list(RingKey.objects.select_for_update(no_key=True).order_by("pk"))  # other machines wait
    return ring_keys.check(path)


def _refuse_strangers(purpose: Purpose, version: int, fingerprint: str) -> None:
    strangers = [seen for seen in processes.running() if fingerprint not in seen.knows]
    if strangers:
        raise Refused(
            f"{_named(purpose, version)} is not known to each running process: "
            f"{_names(strangers)}. On this machine that takes seconds; to another machine copy the "
            "key ring. Then try again."
        )


def _refuse_users(purpose: Purpose, used: int) -> None:
    late = [seen for seen in processes.running() if seen.uses.get(purpose.value) != used]
    if late:
        raise Refused(
            f"{_named(purpose, used)} is not used by each running process: {_names(late)}. On this "
            "machine that takes seconds; to another machine copy the key ring. Then try again."
        )


def _refuse_needed(purpose: Purpose, older: list[int]) -> None:
    if purpose is Purpose.AUDIT:
        raise Refused(
            "The audit trail keeps every entry, and each is checked under the key that sealed it: "
            "no version of the audit key that was used is retired."
        )
    for version in older:
        needed_by = rows.needing(purpose, version)
        if needed_by:
            raise Refused(
                f"{_named(purpose, version)} is needed by {in_words(needed_by)}. See "
                "docs/key-ring.md for how they move, and try again then."
            )


def _refuse_early(used: int) -> None:
    used_at = RingKey.objects.values_list("used_at", flat=True).get(
        purpose=Purpose.SIGNING, version=used
    )
    lifetime = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    if used_at is None or timezone.now() < used_at + lifetime:
        end = f" until {used_at + lifetime:%Y-%m-%d %H:%M} UTC" if used_at else ""
        raise Refused(
            f"People are logged in by what an older signing key signed{end}. To log them out at "
            "once: manage.py keyring retire signing --now"
        )


def _record(action: str, purpose: Purpose, version: int, by: Actor) -> None:
    target = audit.Target("key_ring", f"{purpose}:{version}", _named(purpose, version))
    audit.record(audit.INSTALLATION, action, by, target)


def _named(purpose: Purpose, version: int) -> str:
    return f"{purpose} version {version}"


def _names(some: list[Seen]) -> str:
    return ", ".join(f"{seen.kind} process {seen.name}" for seen in some)


def in_words(needed_by: Mapping[str, int]) -> str:
    """Return counted rows in words."""
    return ", ".join(f"{name} ({count})" for name, count in needed_by.items())
