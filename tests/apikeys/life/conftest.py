"""What the tests of the life of keys share."""

import pytest

from tests.apikeys.life.clocks import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still until it is set."""
    return Clock(monkeypatch)
