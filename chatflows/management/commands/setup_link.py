"""setup_link: print a new link for the first owner."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.outages import NOT_STARTED, OUTAGES
from chatflows.services import onboarding


class Command(BaseCommand):
    help = "Prints a fresh set-up link for the first owner; the link before it is dead."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the link, or say why there is none."""
        try:
            token = onboarding.new_set_up_token()
        except onboarding.AlreadySetUp:
            raise CommandError("There is an owner already: log in, or ask them.") from None
        except OUTAGES:
            raise CommandError(NOT_STARTED) from None
        self.stdout.write(f"{settings.PUBLIC_URL}/set-up/{token}/")
