"""migrate: bring the tables up to date as a start does, so that a role of its own can do it."""

from typing import Any

from django.conf import settings
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

from config import databases


class Command(Migrate):
    opens_key_ring = False  # tables alone
    help = "Brings the tables up to date, as a start does. With arguments it is Django's command."

    def run_from_argv(self, argv: list[str]) -> None:
        """Without arguments do what a start does: check role and version, wait, migrate."""
        if len(argv) > 2:
            super().run_from_argv(argv)
            return
        from config import preparation  # noqa: PLC0415 (it loads all that a start needs)

        try:
            preparation.migrate()
        except preparation.CannotStart as error:
            raise SystemExit(f"CommandError: {error}") from None
        finally:
            preparation.let_go()
        self.stdout.write("The tables are up to date.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. On PostgreSQL the bounds that keep pages from waiting are lifted meanwhile."""
        database = connections[options["database"]]
        if database.vendor != "postgresql":
            super().handle(*args, **options)
            return
        from config import postgresql  # noqa: PLC0415 (it loads a driver)

        parameters = databases.connection_parameters(database.settings_dict)
        postgresql.wait_until_up(parameters, settings.DATABASE_WAIT)
        with postgresql.unhurried(database):
            super().handle(*args, **options)
