"""The locks of the audit trail, taken off: by an owner of the database, or to clean up."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from django.db import connection

from accounts import migrations

(_file,) = Path(migrations.__path__[0]).glob("*_append_only.py")
_migration = import_module(f"{migrations.__name__}.{_file.stem}")


def take_off() -> None:
    """Drop the triggers, as an owner of the database can."""
    _run(_migration.UNLOCK[connection.vendor])


def put_on() -> None:
    """Make them again."""
    _run(_migration.LOCK[connection.vendor])


@contextmanager
def off() -> Iterator[None]:
    """Without them for a while."""
    take_off()
    yield
    put_on()


def _run(statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
