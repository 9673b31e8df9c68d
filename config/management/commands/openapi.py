"""`manage.py openapi`: write the API's document anew."""

from typing import Any

from django.core.management.base import BaseCommand

from config.openapi import document


class Command(BaseCommand):
    help = "Write docs/openapi.json anew."
    requires_system_checks: list[str] = []
    opens_key_ring = False  # no database either

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        document.FILE.write_text(document.text(), "utf-8")
        self.stdout.write(f"Wrote {document.FILE.name}.")
