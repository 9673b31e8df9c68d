"""backup: copy the database and the key ring while Flowlatch runs, or check a copy."""

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.crypto.keyring import KeyRingError
from config.copies import backups, checks, layout
from config.copies.layout import Manifest, Refused


def at_least_one(text: str) -> int:
    """Read how many backups to keep."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("keep at least 1")
    return int(text)


class Command(BaseCommand):
    help = (
        "Makes a backup, FOLDER/flowlatch-DATE, while Flowlatch runs: the database, the key ring "
        "and a manifest. Keep it as well guarded as the server. With --check it looks whether a "
        "backup is whole. Exit status 1 if something is wrong."
    )
    requires_system_checks = []
    opens_key_ring = False  # it checks the ring that it copies, or that of a copy

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("folder", type=Path, metavar="FOLDER", help="where backups collect")
        parser.add_argument(
            "--check", action="store_true", help="check FOLDER, which is one backup; change nothing"
        )
        parser.add_argument(
            "--keep",
            type=at_least_one,
            metavar="N",
            help="delete all but the newest N backups of FOLDER, once the new one is checked",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make a backup, or check one."""
        folder, keep = options["folder"].absolute(), options["keep"]
        try:
            if options["check"]:
                self._check(folder, checks.check(folder))
                return
            made = backups.make(folder)
            self._check(made, layout.read_manifest(made))
            for path in backups.prune(folder, keep) if keep else []:
                self.stdout.write(f"{path} is deleted.")
        except (Refused, KeyRingError) as error:
            raise CommandError(str(error)) from None

    def _check(self, folder: Path, manifest: Manifest) -> None:
        broken = checks.broken_chains(folder, manifest)
        self.stdout.write(
            f"{folder} is whole: {manifest.database} of Flowlatch {manifest.version}, "
            f"{manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, {manifest.teams} teams, "
            f"{sum(manifest.rows.values())} rows."
        )
        if broken:
            raise CommandError(
                f"{broken[0]} The backup holds what the database held; older ones are kept. See "
                "manage.py verify_audit."
            )
        self.stdout.write("Its audit trail holds.")
