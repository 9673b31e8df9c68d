"""Key texts: encrypt that of a publishable key in its row, and read it again."""

from django.utils import timezone

from accounts.crypto import sealing
from apikeys.models import ApiKey, KeySecret


def seal(secret: KeySecret, text: str) -> None:
    """Put the text into the row of its secret, encrypted. The caller saves the row."""
    assert secret.key.is_publishable  # the text of a secret key is stored nowhere
    secret.key_version, secret.ciphertext = sealing.encrypt(text, _place(secret))


def shown(key: ApiKey) -> list[str]:
    """Return the texts of a publishable key that work now, the newest first.

    Raises Unavailable if the ring lacks the key that they were encrypted with.
    """
    live = KeySecret.objects.live(timezone.now()).filter(key=key).exclude(ciphertext=None)
    return [_text(secret) for secret in live.select_related("key").order_by("-pk")]


def _text(secret: KeySecret) -> str:
    assert secret.ciphertext is not None
    assert secret.key_version is not None
    return sealing.decrypt(bytes(secret.ciphertext), secret.key_version, _place(secret))


def _place(secret: KeySecret) -> tuple[str, ...]:
    """Return the place that the ciphertext is bound to: its row, key and team."""
    return "key_text", secret.public_id, str(secret.key_id), str(secret.key.team_id)
