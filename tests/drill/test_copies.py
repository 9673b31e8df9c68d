"""The drills of copies at a hundredth: they work, whatever time they take here."""

import pytest

from tests.drill import copies

pytestmark = pytest.mark.server


def test_a_backup_of_sqlite_beside_a_server_that_writes() -> None:
    copies.backup_sqlite(0.01)


def test_a_backup_of_postgresql_beside_a_server_that_writes() -> None:
    copies.backup_postgresql(0.01)


def test_a_move_of_many_calls() -> None:
    copies.move(0.01)
