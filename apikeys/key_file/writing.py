"""Writing: the key file is made anew from the database whenever one of its facts changed.

The database is the truth. A change is committed before the file follows: on the commit itself with
at most 10,000 keys, otherwise once a second by the worker, which also makes up for any writing that
failed.
"""

import contextlib
import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog
from django.conf import settings

from accounts.crypto import ring
from accounts.crypto.keyring import Purpose
from accounts.outages import OUTAGES
from apikeys.key_file import changes, facts, layout
from apikeys.key_file.changes import Generation
from apikeys.key_file.layout import Damaged, Head, Line
from apikeys.models import ApiKey

log = structlog.get_logger("flowlatch.key_file")

AT_ONCE = 10_000  # keys, up to which a change writes the file itself
LOCK = ".flowlatch-keys.lock"
_DRAFT = ".flowlatch-keys."
_DRAFT_END = ".draft"
AT_START = 5.0  # seconds to wait for another process that writes
ON_COMMIT = 1.0  # seconds; after that the worker makes up for it
_LOOK_EVERY = 0.01  # seconds


class Locked(Exception):
    """Raised if another process holds the lock of the key file for too long."""


@dataclass(slots=True)
class _Kept:
    """The lines that this process wrote last: to read a file of 10,000 lines takes 40 ms.

    Only the holder of the file's lock uses it.
    """

    generation: Generation = changes.NONE
    lines: dict[bytes, Line] = field(default_factory=dict)

    def set(self, generation: Generation, lines: dict[bytes, Line]) -> None:
        """Keep lines, if they are not too many for a process's memory."""
        is_few = len(lines) <= AT_ONCE
        self.generation = generation if is_few else changes.NONE
        self.lines = lines if is_few else {}


_kept = _Kept()
_failing = threading.Event()  # so that a full disk is logged once and not each second


def write_on_commit() -> None:
    """Write the file after a change. Whatever hinders it is logged: the worker makes up for it."""
    _guarded(lambda: None if _has_many() else write(within=ON_COMMIT))


def catch_up(stopping: threading.Event) -> None:
    """Write the file if it is behind. The worker calls it once a second."""
    _guarded(lambda: write(within=ON_COMMIT))
    changes.prune()


def write(*, within: float, again: bool = False) -> None:
    """Write the file if the database is ahead of it, or in any case if `again` is set.

    Raises Locked, OSError and Unavailable. The file that is there stays as it is then.
    """
    if not again and is_current():
        return
    with locked(within) as folder:
        # First the generation, then the rows: what changes in between is read once more later.
        now = changes.latest()
        lines = None if again else _caught_up(folder, now)
        if lines is None:
            lines = dict(facts.keys())
        _replace(folder, now, [*facts.teams(), *lines.values()])
        _kept.set(now, lines)


def is_current() -> bool:
    """Whether the file holds the newest change. Raises Unavailable."""
    return _generation_of(folder() / layout.NAME) == changes.latest().number


def is_delayed() -> bool:
    """Whether there is a key file and so many keys that the worker writes it."""
    return changes.is_on() and _has_many()


def folder() -> Path:
    """Return the folder of the key file. There has to be one."""
    assert settings.APIKEY_PATH is not None
    return Path(settings.APIKEY_PATH)


def key_of(version: int) -> bytes | None:
    """Return the key of the seals for a version of the ring's audit key. Raises Unavailable."""
    held = ring.installed().get(Purpose.AUDIT, version)
    return None if held is None else layout.sealing_key(held)


@contextlib.contextmanager
def locked(within: float) -> Iterator[Path]:
    """Hold the lock of the key file, alone among all threads and processes.

    Raises Locked after `within` seconds, and OSError.
    """
    # Never removed: two processes would hold a lock on two files of the same name.
    number = os.open(folder() / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + within
        while not _is_taken(number):
            if time.monotonic() >= deadline:
                raise Locked
            time.sleep(_LOOK_EVERY)
        yield folder()
    finally:
        os.close(number)  # lets go of the lock


def held(folder: Path) -> tuple[Head, list[Line]]:
    """Return what the file says, for the holder of the lock. Raises Damaged and OSError."""
    with (folder / layout.NAME).open("rb") as file:
        # A line that is too long ends early, so its seal does not hold.
        return layout.verified(iter(lambda: file.readline(layout.LONGEST), b""), key_of)


def _caught_up(folder: Path, now: Generation) -> dict[bytes, Line] | None:
    """Return the lines of all keys: those of the file, and anew those that changed since.

    None if the file does not hold, or holds another database: then all keys have to be read.
    """
    try:
        if _kept.generation.number == _generation_of(folder / layout.NAME):
            since, found = _kept.generation, _kept.lines
        else:
            head, lines = held(folder)
            since = Generation(head.generation, head.mark)
            found = {key_id: each for each in lines if (key_id := layout.key_id(each))}
    except (OSError, Damaged):
        return None
    changed = changes.keys_since(since, now)
    if changed is None:
        return None
    for each_id in changed:
        found.pop(str(each_id).encode(), None)
    return found | dict(facts.keys(sorted(changed)))


def _is_taken(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _generation_of(path: Path) -> int | None:
    """Return the generation of the file that is there; None if there is none that holds."""
    try:
        with path.open("rb") as file:
            return layout.read_head(file.readline(layout.LONGEST), key_of).generation
    except (OSError, Damaged):
        return None


def _replace(folder: Path, generation: Generation, lines: list[Line]) -> None:
    for left in folder.glob(f"{_DRAFT}*{_DRAFT_END}"):  # of a process that was killed
        left.unlink(missing_ok=True)
    version, audit_key = ring.key(Purpose.AUDIT, None)
    created = datetime.now(UTC).isoformat()
    head = Head(generation.number, len(lines), generation.mark, created, version)
    content = b"".join(layout.sealed(head, lines, layout.sealing_key(audit_key)))
    number, name = tempfile.mkstemp(prefix=_DRAFT, suffix=_DRAFT_END, dir=folder)  # 0600
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(folder / layout.NAME)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync(folder)


def _sync(folder: Path) -> None:
    """Wait until the new name of the file is on the disk."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _has_many() -> bool:
    # Counting stops there: with a million keys it would take long.
    return ApiKey.objects.order_by()[: AT_ONCE + 1].count() > AT_ONCE


def _guarded(run: Callable[[], None]) -> None:
    try:
        run()
    except (Locked, OSError, *OUTAGES) as error:
        if not _failing.is_set():
            reason = getattr(error, "strerror", None) or type(error).__name__
            log.warning("key file not written", reason=reason, folder=str(folder()))
        _failing.set()
    else:
        if _failing.is_set():
            log.info("key file written again")
        _failing.clear()
