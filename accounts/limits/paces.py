"""Paces: how much comes from one network in a minute, counted in this process alone."""

import threading
import time
from collections import Counter

from accounts.network.addresses import network_of

WINDOW = 60.0  # seconds
MAX_NETWORKS = 10_000  # counted in one window: memory stays bounded whoever asks


class Pace:
    """At most `limit` in each minute for each /24 (IPv4) or /48 (IPv6)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._began = float("-inf")
        self._counted: Counter[str] = Counter()

    def wait(self, address: str) -> int:
        """Count one; 0 if it may go on, else the seconds until the count begins anew."""
        network, now = network_of(address), time.monotonic()
        with self._lock:
            if now - self._began >= WINDOW:
                self._began, self._counted = now, Counter()
            is_too_many = self._counted[network] >= self._limit
            if is_too_many or (network not in self._counted and self._is_full()):
                return int(WINDOW - (now - self._began)) + 1
            self._counted[network] += 1
            return 0

    def _is_full(self) -> bool:
        return len(self._counted) >= MAX_NETWORKS
