"""Upstream secrets: keys for engines' servers, encrypted and bound to one origin."""

from django.db import models

from chatflows.models.chatflows import Chatflow


class UpstreamSecret(models.Model):
    """One chatflow's secret for one origin. It is never shown, and another origin deletes it."""

    chatflow = models.OneToOneField(
        Chatflow, on_delete=models.CASCADE, related_name="upstream_secret", primary_key=True
    )
    origin = models.CharField(max_length=300)  # scheme://host:port, as connected to
    ciphertext = models.BinaryField()  # AES-GCM under the ring's encryption key
    key_version = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"secret for {self.origin}"
