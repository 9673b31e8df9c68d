"""import_flowise: bring the chatflows and keys of a Flowise over, with their ids and texts."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.outages import NOT_STARTED, OUTAGES
from accounts.permissions import Actor
from chatflows.management import arguments
from chatflows.models import AccessMode
from chatflows.services.flowise_imports import databases, files, imports, plans, reports, servers
from chatflows.services.flowise_imports.sources import Source, Unreadable

BY = Actor("command", "import_flowise", "manage.py import_flowise")
KEY = "FLOWISE_API_KEY"


class Command(BaseCommand):
    help = (
        "Brings the chatflows and keys of a Flowise into a team: chatflows keep their ids, keys "
        "their texts. What is here already stays as it is, so it may be run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "source",
            metavar="SOURCE",
            help="database.sqlite, ExportData.json, api.json, a folder with them, postgres:// (its "
            f"password in PGPASSWORD), or the address of a Flowise that runs (its key in {KEY})",
        )
        parser.add_argument("--team", required=True, metavar="SLUG")
        parser.add_argument("--upstream", metavar="URL", help="where that Flowise answers")
        parser.add_argument(
            "--open",
            choices=AccessMode.values,
            default=AccessMode.OFF.value,
            help="what becomes of chatflows for which Flowise asks no key: off unless given; keys: "
            "DefaultKey opens them; public: everyone may call them",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would come")
        parser.add_argument("--json", action="store_true", help="write the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, or raise CommandError with one line."""
        team = arguments.team(options["team"])
        try:
            source = self._read(options["source"])
            upstream = options["upstream"] or source.url
            plan = plans.make(team, source, AccessMode(options["open"]), self._progress("keys"))
            is_dry = options["dry_run"]
            if not is_dry:
                self._carry_out(plan, imports.Way(team, BY, upstream))
        except Unreadable as error:
            raise CommandError(str(error)) from None
        except OUTAGES:
            raise CommandError(NOT_STARTED) from None
        if options["json"]:
            self.stdout.write(json.dumps(reports.as_json(plan, is_done=not is_dry), indent=2))
            return
        self.stdout.write("\n".join(reports.lines(plan, is_done=not is_dry)))
        if is_dry:
            self.stdout.write("Nothing was changed. Leave --dry-run out to import.")

    def _read(self, text: str) -> Source:
        if text.startswith(("postgres://", "postgresql://")):
            return databases.read_postgres(text)
        if not text.startswith(("http://", "https://")):
            return files.read(Path(text))
        key = os.environ.get(KEY, "").strip()
        if not key:
            raise Unreadable(f"Set {KEY} to a key of that Flowise, in the environment.")
        return servers.read(text, key)

    def _carry_out(self, plan: plans.Plan, way: imports.Way) -> None:
        has_new = any(flow.fate is plans.Fate.NEW for flow in plan.flows)
        if has_new and not way.upstream:
            raise Unreadable("Say where that Flowise answers: --upstream http://127.0.0.1:3000")
        shown = {what: self._progress(what) for what in ("keys", "chatflows")}
        imports.carry_out(plan, way, lambda what, done, of: shown[what](done, of))

    def _progress(self, what: str) -> plans.Progress:
        """Return what shows how far it is, on a terminal alone and for long imports alone."""

        def show(done: int, of: int) -> None:
            if self.stderr.isatty() and of >= 50 and (done % 25 == 0 or done == of):
                end = "\n" if done == of else "\r"
                self.stderr.write(f"{what}: {done:,} of {of:,}", ending=end)

        return show
