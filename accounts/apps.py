"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # The checks register themselves: one of them walks the URL conf.
        from accounts import audit_words, checks  # noqa: F401, PLC0415

        audit_words.register(audit_words.SENTENCES, audit_words.FACTS)
