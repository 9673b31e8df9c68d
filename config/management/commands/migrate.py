"""migrate: Django's command, but that its statements take as long as they need."""

from typing import Any

from django.conf import settings
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

from config import databases


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. On PostgreSQL the bounds that keep pages from waiting are lifted meanwhile."""
        database = connections[options["database"]]
        if database.vendor != "postgresql":
            super().handle(*args, **options)
            return
        from config import postgresql  # noqa: PLC0415 (it loads a driver)

        parameters = databases.connection_parameters(database.settings_dict)
        postgresql.wait_until_up(parameters, settings.DATABASE_WAIT, self._say_that_it_waits)
        with postgresql.unhurried(database):
            super().handle(*args, **options)

    def _say_that_it_waits(self) -> None:
        seconds = settings.DATABASE_WAIT
        self.stderr.write(f"The database is not up: waiting for at most {seconds} seconds.")
