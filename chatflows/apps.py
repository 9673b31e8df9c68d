"""The chatflows app."""

from django.apps import AppConfig


class ChatflowsConfig(AppConfig):
    name = "chatflows"

    def ready(self) -> None:
        from apikeys import doors  # noqa: PLC0415 (models are ready only now)
        from chatflows.services.doors import ChatflowDoors  # noqa: PLC0415

        doors.register(ChatflowDoors())
