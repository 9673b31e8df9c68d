"""flush, which Django runs after a test with real transactions, past the audit trail's locks."""

from typing import Any

from django.core.management.commands import flush

from tests import audit_locks


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        """Empty every table, the audit trail's too."""
        with audit_locks.off():
            super().handle(**options)
