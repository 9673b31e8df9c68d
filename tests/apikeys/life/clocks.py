"""A clock for tests: it stands still until it is set."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone


class Clock:
    """The time of day. It moves only where a test says so, forward or back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now: datetime = timezone.now()
        monkeypatch.setattr(timezone, "now", lambda: self.now)

    def put(self, span: timedelta) -> None:
        """Set it forward, or back by a negative span."""
        self.now += span
