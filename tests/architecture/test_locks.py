"""Locks of rows let foreign keys in."""

from pathlib import Path

from django.conf import settings

PACKAGES = ("accounts", "apikeys", "chatflows", "config")


def test_every_lock_of_a_row_lets_in_who_only_refers_to_it() -> None:
    """PostgreSQL checks foreign keys at the commit, with the head of the audit chain in hand.

    A lock without `no_key` keeps such a commit waiting, and two changes wait in a circle.
    """
    found = [
        f"{path.relative_to(settings.BASE_DIR)}:{number}"
        for package in PACKAGES
        for path in (Path(settings.BASE_DIR) / package).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if "select_for_update(" in line and "no_key=True" not in line
    ]
    assert found == []
