"""The worker processes of a server, and which of them holds which connection (by /proc)."""

import re
from pathlib import Path

from tests.server.shipped import Shipped


def pids(server: Shipped) -> list[int]:
    """The processes that hold the listening socket, but for the one that started them."""
    parent, listening = server.process.pid, _listening(server.port)
    serving = [pid for pid in children(parent) if listening.intersection(_inodes(pid))]
    return serving or [parent]


def listeners(server: Shipped) -> list[int]:
    """How many handles each of these processes listens with."""
    listening = _listening(server.port)
    return [sum(inode in listening for inode in _inodes(pid)) for pid in pids(server)]


def holder(server: Shipped, client_port: int) -> int | None:
    """The process that has accepted the connection of a client's port; None if none has yet."""
    held = {
        inode
        for _, remote, state, inode in _sockets(server.port)
        if remote == client_port and state == "01"
    }
    return next((pid for pid in pids(server) if held.intersection(_inodes(pid))), None)


def _listening(port: int) -> set[str]:
    return {inode for _, _, state, inode in _sockets(port) if state == "0A"}


def _sockets(port: int) -> list[tuple[int, int, str, str]]:
    # Local port, remote port, state and inode of IPv4 sockets on the server's port.
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    parsed = [(int(r[1][9:], 16), int(r[2][9:], 16), r[3], r[9]) for r in rows]
    return [row for row in parsed if row[0] == port]


def children(pid: int) -> list[int]:
    """The processes that a process has started and not yet waited for."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for t in threads for child in (t / "children").read_text().split()]


def is_running(pid: int) -> bool:
    """Whether a process is there and not only waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _inodes(pid: int) -> list[str]:
    found: list[str] = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            link = str(file.readlink())
        except FileNotFoundError:
            continue  # closed in between
        found.extend(re.findall(r"^socket:\[(\d+)\]$", link))
    return found
