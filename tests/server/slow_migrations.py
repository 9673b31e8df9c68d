"""A start or `manage.py migrate` on PostgreSQL, with a statement longer than any page's may be."""

import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
from django.core.management import call_command
from django.db import connection, connections
from django.db.models.signals import pre_migrate

from config import postgresql
from config.postgresql import BoundedConnection

postgresql.SILENT = 0.1
postgresql.LONGEST = BoundedConnection.longest = 1  # second


def _slow(sender: Any, using: str, **_: Any) -> None:
    if sender.label != "accounts":
        return
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_sleep(2)")


def _bounds() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        (server_ends_at,) = cursor.fetchone()
    return f"{server_ends_at} {connection.connection.longest}s"


if __name__ == "__main__":
    django.setup()
    from config import preparation

    pre_migrate.connect(_slow)
    if sys.argv[1] == "migrate":
        call_command("migrate", verbosity=0)
    else:
        preparation.prepare()
    print(_bounds())  # noqa: T201 (for the test)
    preparation.let_go()
