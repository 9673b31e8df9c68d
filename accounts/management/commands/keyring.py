"""keyring: show the versions of the key ring, and rotate its keys in steps."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.crypto.keyring import KeyRingError, Purpose
from accounts.management.checked import WRONG_RING
from accounts.outages import NOT_STARTED, OUTAGES
from accounts.permissions import Actor
from accounts.services.key_ring import rotation
from accounts.services.key_ring.rotation import Refused, Version

BY = Actor("command", "keyring", "manage.py keyring")
NOT_HEALED = (
    "A new version heals no leak. Whoever has an older key ring together with the database can "
    "read the secrets of engines and waiting mails, and can tell a right key from a wrong one. "
    "After such a leak issue every key anew and replace the secrets of engines at their servers: "
    "docs/key-ring.md, After a leak."
)
BACK_UP = "Back the key ring up now, and copy it to each machine that serves this database."


class Command(BaseCommand):
    help = (
        "Shows the versions of each key of the key ring (status), adds a version that is not used "
        "yet (add), uses it once every running process knows it (use), and takes older ones out of "
        "the ring once nothing needs them (retire)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the steps."""
        steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
        steps.add_parser("status", help="show versions, what needs them, and who knows them")
        for name, says in (
            ("add", "add a version that is known and not used yet"),
            ("use", "use the version that was added"),
            ("retire", "take the versions before the one in use out of the ring"),
        ):
            step = steps.add_parser(name, help=says)
            step.add_argument("purpose", choices=[purpose.value for purpose in Purpose])
            if name == "retire":
                step.add_argument(
                    "--now", action="store_true", help="signing: log everybody out who is left"
                )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one step, or say in one line why not."""
        step = {"status": self._status, "add": self._add, "use": self._use, "retire": self._retire}
        try:
            step[options["step"]](options)
        except Refused as error:
            raise CommandError(str(error)) from None
        except KeyRingError as error:
            raise CommandError(str(error), returncode=WRONG_RING) from None
        except OUTAGES:
            raise CommandError(NOT_STARTED) from None

    def _status(self, options: dict[str, Any]) -> None:
        found = rotation.status()
        for version in found.versions:
            says = _says(version, len(found.running))
            self.stdout.write(f"{version.purpose} version {version.number}: {says}")
        self.stdout.write(f"Running processes: {len(found.running)}")
        for seen in found.running:
            uses = ", ".join(f"{purpose} {seen.uses.get(purpose)}" for purpose in Purpose)
            self.stdout.write(f"  {seen.kind} process {seen.name} uses {uses}")

    def _add(self, options: dict[str, Any]) -> None:
        purpose = Purpose(options["purpose"])
        self.stdout.write(NOT_HEALED)
        version = rotation.add(purpose, BY)
        self.stdout.write(
            f"{purpose} version {version} is in the key ring, and is not used yet. {BACK_UP} "
            f"Running processes read it within seconds. Then: manage.py keyring use {purpose}"
        )

    def _use(self, options: dict[str, Any]) -> None:
        purpose = Purpose(options["purpose"])
        version = rotation.use(purpose, BY)
        self.stdout.write(f"{purpose} version {version} is in use from now on. {BACK_UP}")

    def _retire(self, options: dict[str, Any]) -> None:
        purpose = Purpose(options["purpose"])
        for version in rotation.retire(purpose, BY, now=options["now"]):
            self.stdout.write(f"{purpose} version {version} is no longer in the key ring.")
        self.stdout.write(
            f"{BACK_UP} Keep the ring of each older backup beside it: that database needs it."
        )


def _says(version: Version, running: int) -> str:
    if version.is_added:
        return f"added, not used yet, known to {version.known_by} of {running} running processes"
    since = f" since {version.used_at:%Y-%m-%d %H:%M} UTC" if version.used_at else ""
    state = f"in use{since}" if version.is_used else "older"
    if not version.needed_by:
        return state
    return f"{state}, needed by {rotation.in_words(version.needed_by)}"
