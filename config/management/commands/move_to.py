"""move_to: move the SQLite database of an installation to PostgreSQL."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.crypto.keyring import KeyRingError
from accounts.outages import NOT_STARTED, Unavailable
from config.copies.layout import Refused


class Command(BaseCommand):
    help = (
        "Moves everything from the SQLite database to an empty PostgreSQL database. Stop every "
        "server and worker before. The SQLite database stays, under another name."
    )
    requires_system_checks = []
    opens_key_ring = False  # it checks the ring with the database that it moves

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument(
            "url",
            nargs="?",
            metavar="URL",
            help="postgres://user:password@host:port/name, or - to read it from standard input: "
            "other users of this machine can see what stands here",
        )
        where.add_argument("--url-file", type=Path, metavar="FILE", help="a file with the URL")

    def handle(self, *args: Any, **options: Any) -> None:
        """Move, and say what to set next."""
        from config.copies import moves  # noqa: PLC0415 (it loads a driver)

        try:
            moved = moves.move(_url(options))
        except (Refused, KeyRingError) as error:
            raise CommandError(str(error)) from None
        except Unavailable:
            raise CommandError(NOT_STARTED) from None
        lines = [
            f"Moved: {moved.rows} rows of {moved.tables} tables. The counts are equal on both "
            "sides, and the audit trail holds.",
            *(f"Not moved: {name}, which is no table of Flowlatch." for name in moved.left),
            "Set DATABASE_URL to the new database, keep the key ring "
            f"({settings.KEY_RING_PATH}), and start Flowlatch.",
            f"Then back up anew. The SQLite database is {moved.old} now, and out of date.",
        ]
        if settings.APIKEY_PATH is not None:
            lines.append("Remove APIKEY_PATH too: it works with SQLite alone.")
        self.stdout.write("\n".join(lines))


def _url(options: dict[str, Any]) -> str:
    path: Path | None = options["url_file"]
    try:
        if path is not None:
            return path.read_text()
        return sys.stdin.readline() if options["url"] == "-" else str(options["url"])
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise CommandError(f"{path} can't be read: {reason}.") from None
