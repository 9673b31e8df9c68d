"""serve: prepare what is missing, then serve. `make run` is this."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import children, logs, server


class Command(BaseCommand):
    help = "Prepares what is missing (tables, key ring, first team) and starts the server."
    requires_system_checks = []
    opens_key_ring = False  # it makes the ring, and checks it

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, then serve until the server ends."""
        logs.catch_uncaught()
        children.run(self.prepare)
        self.serve()

    def prepare(self) -> None:
        """Prepare and greet, in a child process: serving needs nothing of what this loads."""
        from config import preparation  # noqa: PLC0415 (it must not stay in the server's memory)

        for line in settings.DOUBTS:
            self.stdout.write(line)
        try:
            preparation.port_is_free(settings.HOST, settings.PORT)
            preparation.prepare()
            lines = preparation.welcome()
        except preparation.CannotStart as error:
            raise CommandError(str(error)) from None
        self.stdout.write("\n".join(lines))
        self.stdout.flush()
        preparation.let_go()  # the child exits without closing its connections

    def serve(self) -> None:
        """Start the server."""
        server.run()
