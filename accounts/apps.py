"""The accounts app."""

from datetime import timedelta

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # The checks register themselves: one of them walks the URL conf.
        from accounts import audit_words, checks, worker  # noqa: F401, PLC0415
        from accounts.services import (  # noqa: PLC0415
            invitations,
            leftovers,
            mail_sender,
            password_resets,
        )
        from accounts.signals import membership_changed  # noqa: PLC0415

        audit_words.register(audit_words.SENTENCES, audit_words.FACTS)
        worker.register(worker.Job("resets", timedelta(seconds=2), password_resets.answer_all))
        worker.register(worker.Job("mail", timedelta(seconds=2), mail_sender.send_due))
        worker.register(worker.Job("leftovers", timedelta(hours=1), leftovers.delete))
        membership_changed.connect(invitations.end_of, dispatch_uid="invitations")
