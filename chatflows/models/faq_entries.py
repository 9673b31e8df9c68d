"""FAQ entries: what the built-in engine answers from."""

from django.db import models

from chatflows.models.chatflows import Chatflow


class FaqEntry(models.Model):
    """One question and its answer."""

    chatflow = models.ForeignKey(Chatflow, on_delete=models.CASCADE, related_name="faq_entries")
    question = models.CharField(max_length=500)
    answer = models.TextField(max_length=8000)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.question
