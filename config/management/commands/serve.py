"""serve: prepare what is missing, then serve. `make run` is this."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import preparation, server


class Command(BaseCommand):
    help = "Prepares what is missing (tables, key ring, first team) and starts the server."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Never returns before the server ends."""
        try:
            preparation.port_is_free(settings.HOST, settings.PORT)
            preparation.prepare()
            lines = preparation.welcome()
        except preparation.CannotStart as error:
            raise CommandError(str(error)) from None
        self.stdout.write("\n".join(lines))
        self.stdout.flush()
        preparation.let_go()  # the server's processes and threads open their own connections
        self.serve()

    def serve(self) -> None:
        """Start the server."""
        server.run()
