"""Unanswered questions: questions that no entry of the FAQ answered."""

from django.db import models

from chatflows.models.chatflows import Chatflow


class UnansweredQuestion(models.Model):
    """One question that got the fallback, how often, and when it was asked last."""

    chatflow = models.ForeignKey(
        Chatflow, on_delete=models.CASCADE, related_name="unanswered_questions"
    )
    question = models.CharField(max_length=500)
    digest = models.CharField(max_length=64)  # of the question without regard to case and spaces
    count = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-last_at"]
        constraints = [
            models.UniqueConstraint(fields=["chatflow", "digest"], name="unanswered_once")
        ]

    def __str__(self) -> str:
        return self.question
