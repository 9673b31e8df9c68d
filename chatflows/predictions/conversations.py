"""Conversations: the earlier turns that a caller's next question is answered with."""

from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection, transaction

from accounts.outages import Unavailable
from chatflows.engines import PastTurn
from chatflows.models import Conversation, Message
from chatflows.predictions.turns import Turn

MAX_TURN_LENGTH = 20_000  # characters of a question or answer that is shown again


def last_turns(chatflow_id: UUID, caller: str, chat_id: str, count: int) -> tuple[PastTurn, ...]:
    """Return the caller's own last complete turns in a conversation, oldest first."""
    turns = Message.objects.filter(
        conversation__chatflow_id=chatflow_id,
        conversation__caller=caller,
        conversation__chat_id=chat_id,
        is_complete=True,
    ).order_by("-at")[:count]
    return tuple(
        PastTurn(turn.question[:MAX_TURN_LENGTH], turn.answer[:MAX_TURN_LENGTH])
        for turn in reversed(turns)
    )


@transaction.atomic
def keep(turn: Turn) -> None:
    """Write a turn. The recorder's later write under the same id changes nothing."""
    conversation, _ = Conversation.objects.get_or_create(
        chatflow_id=turn.chatflow_id, caller=turn.caller, chat_id=turn.chat_id
    )
    Message.objects.get_or_create(
        id=turn.message_id,
        defaults={
            "conversation": conversation,
            "at": turn.at,
            "question": turn.question,
            "answer": turn.answer,
            "is_complete": turn.is_complete,
        },
    )


class StoredMemory:
    """The Memory (see turns.py) in the database."""

    async def recall(
        self, chatflow_id: UUID, caller: str, chat_id: str, count: int
    ) -> tuple[PastTurn, ...]:
        """See Memory."""
        return await sync_to_async(_guarded_recall)(chatflow_id, caller, chat_id, count)

    async def keep(self, turn: Turn) -> None:
        """See Memory."""
        await sync_to_async(_guarded_keep)(turn)


def _guarded_recall(
    chatflow_id: UUID, caller: str, chat_id: str, count: int
) -> tuple[PastTurn, ...]:
    try:
        return last_turns(chatflow_id, caller, chat_id, count)
    except DatabaseError as error:
        connection.close()  # the next try opens another
        raise Unavailable(type(error).__name__) from error


def _guarded_keep(turn: Turn) -> None:
    try:
        keep(turn)
    except DatabaseError as error:
        connection.close()
        raise Unavailable(type(error).__name__) from error
