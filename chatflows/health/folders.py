"""The folder in which the processes of one server share what they count."""

import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

FOLDER = "metrics"  # in the data folder
REMOVED_AFTER = 24 * 3600.0  # seconds; a container leaves its folder behind under a name of its own


def folder() -> Path:
    """Return the folder of this server's processes: of this machine, host and port."""
    name = f"{socket.gethostname()}-{settings.HOST}-{settings.PORT}".replace("/", "-")
    return settings.DATA_DIR / FOLDER / name


def begin_again() -> None:
    """Empty the folder. For the first process, before the others start."""
    mine = folder()
    shutil.rmtree(mine, ignore_errors=True)
    with suppress(OSError):  # the processes log that they can't share
        mine.parent.mkdir(mode=0o700, exist_ok=True)
        mine.mkdir(mode=0o700)
        for other in mine.parent.iterdir():
            if time.time() - other.stat().st_mtime > REMOVED_AFTER:
                shutil.rmtree(other, ignore_errors=True)
