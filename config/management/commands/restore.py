"""restore: put a backup into an empty installation, for good or for a drill."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.crypto.keyring import KeyRingError
from accounts.models import Mail
from accounts.outages import NOT_STARTED, OUTAGES
from accounts.worker import drills
from config.copies import checks, contents, restores
from config.copies.layout import Manifest, Refused


class Command(BaseCommand):
    help = (
        "Restores a backup that manage.py backup made, into an empty database. With --drill the "
        "copy sends nothing, whoever starts it, until --end-drill."
    )
    requires_system_checks = []
    opens_key_ring = False  # it puts it back

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("backup", type=Path, nargs="?", metavar="BACKUP", help="one backup")
        what.add_argument(
            "--end-drill", action="store_true", help="let a drill's copy send again; needs --yes"
        )
        parser.add_argument(
            "--drill", action="store_true", help="hold mails, notices and all other jobs"
        )
        parser.add_argument(
            "--yes", action="store_true", help="with --end-drill: waiting mails may leave"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore, or end a drill."""
        if options["end_drill"]:
            self._end_drill(is_meant=options["yes"])
            return
        folder = options["backup"].absolute()
        try:
            manifest = restores.restore(folder, is_drill=options["drill"])
            broken = checks.broken_chains(folder, manifest)
        except (Refused, KeyRingError) as error:
            raise CommandError(str(error)) from None
        self._tell(manifest, is_drill=options["drill"])
        if broken:
            raise CommandError(f"{broken[0]} It was so when the backup was made.")

    def _tell(self, manifest: Manifest, *, is_drill: bool) -> None:
        at = f"{manifest.made_at:%Y-%m-%d %H:%M:%S} UTC"
        lines = [
            f"Restored: the database and the key ring of {at}.",
            f"What happened after {at} is lost. Keys that were revoked, disabled or rotated since "
            "then are valid again, and so are sessions, links and the rights of people who were "
            "removed.",
            "Before you let callers in: open API keys of each team, filter by the status Active, "
            "and delete or disable again what should not be there.",
        ]
        if contents.is_older(manifest):
            lines.append(
                f"Its tables are those of Flowlatch {manifest.version}. The next start brings them "
                "up to date."
            )
        if is_drill:
            lines.append(
                "This copy is for a drill: it sends no mail and runs no job, until manage.py "
                "restore --end-drill."
            )
        self.stdout.write("\n".join(lines))

    def _end_drill(self, *, is_meant: bool) -> None:
        try:
            if not drills.stands():
                raise CommandError("This database is no drill's copy.")
            waiting = Mail.objects.filter(next_try_at__isnull=False).count()
            if not is_meant:
                raise CommandError(
                    f"{waiting} mails wait in this copy, and would go to real people. If it takes "
                    "the place of the original, add --yes. Otherwise delete the copy."
                )
            drills.end()
        except OUTAGES:
            raise CommandError(NOT_STARTED) from None
        self.stdout.write(
            f"The drill has ended: {waiting} mails that wait are sent now. Restart the servers, so "
            "that their pages no longer speak of a drill."
        )
