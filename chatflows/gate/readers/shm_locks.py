"""Locks on SQLite's shared memory: ask whether another process holds what a reading needs.

A reading takes a shared lock on one of four bytes of the `-shm` file. While somebody else holds
them exclusively, SQLite sleeps for ten seconds in small steps, and no time-out of ours ends that.
(https://www.sqlite.org/walformat.html, "WAL locks")
"""

import os
import struct
import sys

if sys.platform == "linux":
    import fcntl

    # struct flock: type, whence, start, length, process. WAL_READ_LOCK(1) to (4); (0) is held
    # through each checkpoint, and readings then take another.
    _QUERY = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 124, 4, 0)


def is_held(shm: int) -> bool:
    """Whether another process has locked one of the bytes; `shm` is SQLite's own descriptor."""
    if sys.platform != "linux":
        return False
    found: bytes = fcntl.fcntl(shm, fcntl.F_GETLK, _QUERY)
    return found[:2] != _FREE


_FREE = struct.pack("h", fcntl.F_UNLCK) if sys.platform == "linux" else b""
