"""How tests run manage.py import_flowise."""

from io import StringIO
from pathlib import Path

from django.core.management import call_command

UPSTREAM = "http://127.0.0.1:3000"


def run(source: Path | str, *more: str, team: str = "acme", upstream: str = UPSTREAM) -> str:
    """What the command prints."""
    said = StringIO()
    at = ("--upstream", upstream) if upstream else ()
    call_command("import_flowise", str(source), "--team", team, *at, *more, stdout=said)
    return said.getvalue()
