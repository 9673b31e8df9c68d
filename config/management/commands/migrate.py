"""migrate: Django's command, but that its statements take as long as they need."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connections


class Command(Migrate):
    opens_key_ring = False  # tables alone

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. On PostgreSQL the bounds that keep pages from waiting are lifted meanwhile."""
        database = connections[options["database"]]
        if database.vendor != "postgresql":
            super().handle(*args, **options)
            return
        from config import postgresql  # noqa: PLC0415 (it loads a driver)

        with postgresql.unhurried(database):
            super().handle(*args, **options)
