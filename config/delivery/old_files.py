"""Static files of versions before: kept for a month, since open pages still ask for them."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from config.delivery.static_files import is_hashed

KEPT_FOR = 30 * 24 * 3600  # seconds after the last start that still had the file
MANIFEST = "staticfiles.json"


def note_use(root: Path) -> None:
    """Set the time of the files that were served until now. Call it before collecting anew."""
    for path in _current(root):
        with contextlib.suppress(OSError):  # another start may have removed it
            os.utime(path)


def remove(root: Path, now: float | None = None) -> None:
    """Remove files with a hash in their name that no version has used for a month."""
    oldest = (time.time() if now is None else now) - KEPT_FOR
    current = set(_current(root))
    if not current:  # without the list nobody knows which files are old
        return
    for path in root.rglob("*"):
        name = path.name.removesuffix(".gz")
        if not is_hashed(name) or path in current:
            continue
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _current(root: Path) -> Iterator[Path]:
    try:
        paths = json.loads((root / MANIFEST).read_text("utf-8"))["paths"].values()
    except (OSError, ValueError, KeyError):
        return
    for path in paths:
        for each in (root / path, root / f"{path}.gz"):
            if each.is_file():
                yield each
