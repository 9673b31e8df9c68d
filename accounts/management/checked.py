"""Checked commands: each command of ours finds the right key ring before it does anything.

`manage.py` runs every command this way, so a new one needs no line for it. One that opens no key
ring, or makes it, says so: `opens_key_ring = False`.
"""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, ManagementUtility

from accounts.crypto.keyring import KeyRingError
from accounts.outages import NOT_STARTED, OUTAGES

WRONG_RING = 3  # the exit status; 1 is any other fault, 2 wrong arguments


class CheckedUtility(ManagementUtility):
    """Django's command line, with the check before each command of ours."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return the command, checked."""
        command = super().fetch_command(subcommand)
        if is_ours(command) and getattr(command, "opens_key_ring", True):
            run = command.execute

            def execute(*args: Any, **options: Any) -> Any:
                check()
                return run(*args, **options)

            command.execute = execute  # type: ignore[method-assign]
        return command


def is_ours(command: BaseCommand) -> bool:
    """Whether a command belongs to one of our packages."""
    package = type(command).__module__.partition(".")[0]
    return package in {"config", "accounts", "apikeys", "chatflows"}


def check() -> None:
    """Raise CommandError with one line unless the key ring is there and this database's."""
    from accounts.services import ring_keys  # noqa: PLC0415 (models are ready only now)

    try:
        ring_keys.check(settings.KEY_RING_PATH)
    except KeyRingError as error:
        raise CommandError(str(error), returncode=WRONG_RING) from None
    except (ring_keys.NotStarted, *OUTAGES):
        raise CommandError(NOT_STARTED) from None
