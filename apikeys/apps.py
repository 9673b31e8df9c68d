"""The apikeys app."""

from django.apps import AppConfig


class ApiKeysConfig(AppConfig):
    name = "apikeys"

    def ready(self) -> None:
        from accounts import held_keys  # noqa: PLC0415
        from accounts.audit import words  # noqa: PLC0415
        from apikeys import audit_words  # noqa: PLC0415
        from apikeys.services.held_keys import AccountKeys  # noqa: PLC0415

        held_keys.register(AccountKeys())
        words.register(audit_words.SENTENCES, audit_words.FACTS)
