"""Examples: a question that a chatflow can answer, for code to paste."""

from uuid import UUID

from chatflows import snippets
from chatflows.models import FaqEntry, HostedChat

LOOKED_AT = 10  # entries of the FAQ


def question_of(chatflow_id: UUID) -> str:
    """Return the first starter of the flow app or question of the FAQ that can stand in code."""
    chat = HostedChat.objects.filter(chatflow_id=chatflow_id).first()
    entries = FaqEntry.objects.filter(chatflow_id=chatflow_id, chatflow__engine="faq")
    asked = entries.order_by("pk").values_list("question", flat=True)[:LOOKED_AT]
    return snippets.example([*(chat.starter_lines if chat else ()), *asked])
