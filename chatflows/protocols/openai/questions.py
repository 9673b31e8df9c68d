"""Make the question for an engine from a chat completion. Pure."""

from collections.abc import Sequence
from uuid import UUID

from chatflows import predictions
from chatflows.engines import ChatMessage, Question
from chatflows.protocols.openai.bodies import Completion

# Flowise's names of roles. System messages are left out: its flows have prompts of their own.
FLOWISE_ROLES = {"user": "userMessage", "assistant": "apiMessage"}


def question(completion: Completion, *, chatflow_id: UUID, caller: str) -> Question:
    """Return the question. The caller sends the whole conversation; nothing is remembered."""
    begun = predictions.begin(completion.question, "").question
    return begun._replace(
        thread_id=predictions.thread_id(chatflow_id, caller, begun.chat_id),
        is_streaming=completion.is_streaming,
        messages=completion.messages,
        fields={"history": _flowise_history(completion.messages)},
    )


def _flowise_history(messages: Sequence[ChatMessage]) -> list[dict[str, str]]:
    last = max(place for place, message in enumerate(messages) if message.role == "user")
    before = [*messages[:last], *messages[last + 1 :]]
    told = [message for message in before if message.role in FLOWISE_ROLES]
    return [{"role": FLOWISE_ROLES[m.role], "content": m.text} for m in told]
