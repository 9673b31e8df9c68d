"""The pages of chatflows by address, and what their tests share."""

from uuid import UUID

from django.urls import reverse

from apikeys.models import ApiKey
from chatflows.models import Chatflow


def page(chatflow_id: UUID, name: str, *more: object) -> str:
    return reverse(name, args=["acme", chatflow_id, *more])


def access(faq: Chatflow, mode: str = "keys", *keys: object, **more: object) -> dict[str, object]:
    """What the access form sends, with every key of the team in sight."""
    version = Chatflow.objects.get(pk=faq.pk).version
    shown = ["", *map(str, ApiKey.objects.of(faq.team).values_list("pk", flat=True))]
    chosen = {"keys": [str(key) for key in keys], "shown": shown}
    return {"mode": mode, "version": version, **chosen, **more}


def is_clean(body: bytes) -> bool:
    """Whether no markup of a name came through."""
    return b"<script>alert" not in body and b"<img src=x" not in body
