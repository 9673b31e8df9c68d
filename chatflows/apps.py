"""The chatflows app."""

from datetime import timedelta

from django.apps import AppConfig


class ChatflowsConfig(AppConfig):
    name = "chatflows"

    def ready(self) -> None:
        from accounts import audit_words as words  # noqa: PLC0415
        from accounts import worker  # noqa: PLC0415
        from apikeys import doors  # noqa: PLC0415 (models are ready only now)
        from chatflows import audit_words  # noqa: PLC0415
        from chatflows.services import visits  # noqa: PLC0415
        from chatflows.services.doors import ChatflowDoors  # noqa: PLC0415

        words.register(audit_words.SENTENCES, audit_words.FACTS)
        doors.register(ChatflowDoors())
        worker.register(worker.Job("visits", timedelta(hours=1), visits.delete_ended))
