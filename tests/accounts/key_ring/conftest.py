"""A key ring for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import rings


@pytest.fixture
def path(db: None, tmp_path: Path) -> Iterator[Path]:
    """The file of a ring that this test may change."""
    with rings.own(tmp_path) as made:
        yield made
