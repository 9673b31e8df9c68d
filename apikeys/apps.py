"""The apikeys app."""

from datetime import timedelta

from django.apps import AppConfig


class ApiKeysConfig(AppConfig):
    name = "apikeys"

    def ready(self) -> None:
        from accounts import held_keys, worker  # noqa: PLC0415
        from accounts.audit import pages, words  # noqa: PLC0415
        from accounts.services.key_ring import rows  # noqa: PLC0415
        from accounts.signals import membership_changed  # noqa: PLC0415
        from apikeys import audit_words, key_pages  # noqa: PLC0415
        from apikeys.holders import visits  # noqa: PLC0415
        from apikeys.key_file import hooks  # noqa: PLC0415
        from apikeys.leaks import reports  # noqa: PLC0415
        from apikeys.services import off_boarding, publishable, stored_secrets  # noqa: PLC0415
        from apikeys.services.held_keys import HeldApiKeys  # noqa: PLC0415
        from apikeys.services.life import hand_overs, reminders, rotation  # noqa: PLC0415

        hooks.set_up(self)
        for needing in stored_secrets.NEEDING:
            rows.register(needing)
        rows.register_sealed(publishable.SEALED)
        held_keys.register(HeldApiKeys())
        membership_changed.connect(off_boarding.forget_contact, dispatch_uid="contacts")
        membership_changed.connect(hand_overs.end_of_removed, dispatch_uid="hand-overs")
        pages.register("api_key", key_pages.urls)
        words.register(audit_words.SENTENCES, audit_words.FACTS)
        worker.register(worker.Job("key visits", timedelta(hours=1), visits.delete_ended))
        worker.register(worker.Job("leak reports", timedelta(seconds=1), reports.handle))
        worker.register(worker.Job("silent secrets", timedelta(minutes=1), rotation.end_silent))
        worker.register(worker.Job("key reminders", timedelta(minutes=15), reminders.send_due))
