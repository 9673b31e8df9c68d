"""The accounts app."""

from datetime import timedelta

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # The checks register themselves: one of them walks the URL conf.
        from accounts import checks, sqlite_files, worker  # noqa: F401, PLC0415
        from accounts.audit import words  # noqa: PLC0415
        from accounts.forms import words as forms_words  # noqa: PLC0415
        from accounts.mail import sender  # noqa: PLC0415
        from accounts.services import invitations, password_resets  # noqa: PLC0415
        from accounts.services.key_ring import rows  # noqa: PLC0415
        from accounts.signals import membership_changed  # noqa: PLC0415
        from accounts.worker import cleanup  # noqa: PLC0415

        forms_words.speak()
        sqlite_files.watch()
        words.register(words.SENTENCES, words.FACTS)
        worker.register(worker.Job("resets", timedelta(seconds=2), password_resets.answer_all))
        worker.register(worker.Job("mail", timedelta(seconds=2), sender.send_due))
        rows.register_own()
        worker.register(worker.Job("sealed rows", timedelta(seconds=10), rows.reseal))
        worker.register(worker.Job("leftovers", timedelta(hours=1), cleanup.delete))
        membership_changed.connect(invitations.withdraw_disallowed, dispatch_uid="invitations")
