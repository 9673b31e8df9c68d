"""Django's mail backend, closed: mails leave by the outbox and its worker only."""

from typing import Any

from django.core.mail.backends.base import BaseEmailBackend


class Refusing(BaseEmailBackend):
    """Refuse to send for `django.core.mail`.

    A reply that waits for a mail server would reveal by its time whether an address is known.
    """

    def send_messages(self, email_messages: Any) -> int:
        """Raise RuntimeError, which says what to call instead."""
        raise RuntimeError("Mail is queued with accounts.mail.outbox.queue, and sent there alone")
