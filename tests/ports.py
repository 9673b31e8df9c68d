"""Ports for servers of tests."""

import secrets
import socket
from contextlib import suppress


def free_port() -> int:
    """A port that nobody uses right now, and that no outgoing connection is given meanwhile.

    Systems take those from 32768 on, and some tests open thousands of connections.
    """
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
