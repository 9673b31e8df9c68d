"""Key secrets: make a key's text, and read that of a publishable key again."""

from django.utils import timezone

from accounts.crypto import digests, sealing
from accounts.models import User
from apikeys import key_text
from apikeys.models import ApiKey, KeySecret


def make(key: ApiKey, *, shown_to: User | None = None) -> tuple[KeySecret, str]:
    """Make a new secret of the key, in the transaction of the caller. Return it and its text.

    The text of a publishable key is kept, encrypted. That of a secret key is stored nowhere.
    """
    made = key_text.generate(is_publishable=key.is_publishable)
    pepper_version, digest = digests.pepper_digest(made.text)
    secret = KeySecret(
        key=key,
        public_id=made.public_id,
        digest=digest,
        pepper_version=pepper_version,
        shown_to=shown_to,
    )
    if key.is_publishable:
        place = _place(key, made.public_id)
        secret.key_version, secret.ciphertext = sealing.encrypt(made.text, place)
    secret.save(force_insert=True)
    return secret, made.text


def texts(key: ApiKey) -> list[str]:
    """Return the texts of a publishable key that work now, the newest first.

    Raises Unavailable if the ring lacks the key that they were encrypted with.
    """
    live = KeySecret.objects.live(timezone.now()).filter(key=key).exclude(ciphertext=None)
    return [_text(key, secret) for secret in live.order_by("-created_at", "-pk")]


def _text(key: ApiKey, secret: KeySecret) -> str:
    assert secret.ciphertext is not None
    assert secret.key_version is not None
    place = _place(key, secret.public_id)
    return sealing.decrypt(bytes(secret.ciphertext), secret.key_version, place)


def _place(key: ApiKey, public_id: str) -> tuple[str, ...]:
    """Return the place that a text's ciphertext is bound to: its row, key and team."""
    return "key_text", public_id, str(key.id), str(key.team_id)
