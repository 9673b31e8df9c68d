"""Conversations: the turns of one caller that belong together."""

from django.db import models

from chatflows.models.chatflows import Chatflow

CHAT_ID_LENGTH = 255  # characters


class Conversation(models.Model):
    """The conversation of one caller under one chatId.

    `caller` is the key's id, or empty for callers of a public chatflow without a key. Another
    caller who sends an equal chatId has a conversation of its own.
    """

    chatflow = models.ForeignKey(
        Chatflow,
        on_delete=models.CASCADE,
        related_name="conversations",
        db_index=False,  # the constraint's index begins with it
    )
    caller = models.CharField(max_length=36, blank=True)
    chat_id = models.CharField(max_length=CHAT_ID_LENGTH)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["chatflow", "caller", "chat_id"], name="conversation_once"
            )
        ]

    def __str__(self) -> str:
        return self.chat_id


class Message(models.Model):
    """One turn: a question and its answer."""

    id = models.UUIDField(primary_key=True, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    at = models.DateTimeField()
    question = models.TextField()
    answer = models.TextField()
    is_complete = models.BooleanField(default=True)

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return self.question[:60]
