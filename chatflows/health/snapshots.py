"""Snapshots: what each process of a server counts, so that any of them can answer for all.

Each process writes its own file once a second, and reads the others' when it is asked. The files
survive their process, so that what a dead one counted stays in the sum. They are written whole and
renamed: a full disk leaves an old file and fails nothing (docs/adr/0019-metrics-of-processes.md).
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from chatflows.calls import totals
from chatflows.calls.totals import Latencies, Totals
from chatflows.health.folders import folder

ALIVE_FOR = 10.0  # seconds after a process wrote its file
BEGAN_AT = time.time()


@dataclass(slots=True)
class Snapshot:
    """What one process counted since its start, and how it stands now."""

    totals: Totals = field(default_factory=totals.copy)
    running_answers: int = 0
    waiting_records: int = 0
    memory_bytes: int = 0
    began_at: float = BEGAN_AT


def write(snapshot: Snapshot) -> None:
    """Write this process's file. Raises OSError."""
    path = folder() / f"{os.getpid()}.json"
    draft = path.with_suffix(".new")
    draft.write_bytes(orjson.dumps(_plain(snapshot)))
    draft.replace(path)


def others() -> Iterator[tuple[Snapshot, bool]]:
    """Read the files of the other processes, and whether each is alive."""
    mine = str(os.getpid())
    for path in sorted(folder().glob("*.json")):
        if path.stem == mine:
            continue
        with suppress(OSError, ValueError, KeyError, TypeError):  # it may just have been replaced
            is_alive = time.time() - path.stat().st_mtime < ALIVE_FOR
            yield _read(orjson.loads(path.read_bytes())), is_alive


def memory() -> int:
    """Return the bytes of resident memory, 0 where the system does not say."""
    if not sys.platform.startswith("linux"):
        return 0
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _plain(snapshot: Snapshot) -> dict[str, Any]:
    counted = snapshot.totals
    return {
        "let_in": [[*kind, times] for kind, times in counted.let_in.items()],
        "refused": [[*kind, times] for kind, times in counted.refused.items()],
        "first_byte": [counted.first_byte.counts, counted.first_byte.seconds],
        "last_byte": [counted.last_byte.counts, counted.last_byte.seconds],
        "lost": counted.lost,
        "running_answers": snapshot.running_answers,
        "waiting_records": snapshot.waiting_records,
        "memory_bytes": snapshot.memory_bytes,
        "began_at": snapshot.began_at,
    }


def _read(plain: dict[str, Any]) -> Snapshot:
    return Snapshot(
        Totals(
            let_in=_kinds(plain["let_in"]),
            refused=_kinds(plain["refused"]),
            first_byte=Latencies(*plain["first_byte"]),
            last_byte=Latencies(*plain["last_byte"]),
            lost=plain["lost"],
        ),
        plain["running_answers"],
        plain["waiting_records"],
        plain["memory_bytes"],
        plain["began_at"],
    )


def _kinds(rows: list[tuple[str, str, int]]) -> Counter[tuple[str, str]]:
    return Counter({(status, code): times for status, code, times in rows})
