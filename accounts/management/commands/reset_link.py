"""reset_link: print a link to choose a new password, for where no mail is sent."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.outages import NOT_STARTED, OUTAGES
from accounts.permissions import Actor
from accounts.services import password_resets

BY = Actor("command", "reset_link", "manage.py reset_link")


class Command(BaseCommand):
    help = "Prints a link by which a person chooses a new password; the links before it are dead."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the person's e-mail."""
        parser.add_argument("email", metavar="EMAIL", help="the person's e-mail (or username)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the link, or say why there is none."""
        try:
            link = password_resets.new_link(options["email"].strip(), BY)
        except password_resets.LinkClosed:
            raise CommandError("There is no active account with this e-mail.") from None
        except OUTAGES:
            raise CommandError(NOT_STARTED) from None
        self.stdout.write(link)
        self.stderr.write("The link works once, for an hour.")
