"""Under the key ring: digests in place of secrets, and ciphertext of those that we must send."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from accounts.crypto import keyring
from accounts.crypto.keyring import KeyRingError, Purpose

LINK_TOKEN_BYTES = 32
NONCE_BYTES = 12  # AES-GCM's own; random ones are fine for 2**32 messages under one key
LINK_TOKEN_PREFIX = "fll_"  # noqa: S105 (its own: a link token is never taken for a key)


class Unavailable(Exception):
    """A part that a decision needs is gone. Answer 503: never let in, never refuse for good."""


def pepper_digest(text: str, version: int | None = None) -> tuple[int, str]:
    """The pepper's version and the HMAC-SHA-256 (64 hex digits) of `text` under it.

    Without `version` the newest pepper is used. Raises Unavailable if the ring lacks the version.
    """
    return _hmac(Purpose.PEPPER, text.encode(), version)


def audit_mac(message: bytes, version: int | None = None) -> tuple[int, str]:
    """The same with the audit key."""
    return _hmac(Purpose.AUDIT, message, version)


def encrypt(text: str, place: Sequence[str]) -> tuple[int, bytes]:
    """The encryption key's version and `text` under AES-GCM, readable only at the same `place`.

    `place` names where the ciphertext lies (kind, row, team, ...): moved elsewhere it is nothing.
    """
    version, key = _key(Purpose.ENCRYPTION, None)
    nonce = secrets.token_bytes(NONCE_BYTES)
    return version, nonce + AESGCM(key).encrypt(nonce, text.encode(), _bound(place, version))


def decrypt(ciphertext: bytes, version: int, place: Sequence[str]) -> str:
    """What `encrypt` was given. Raises Unavailable if the key is gone or the place another one."""
    _, key = _key(Purpose.ENCRYPTION, version)
    nonce, rest = ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, rest, _bound(place, version)).decode()
    except (InvalidTag, ValueError):
        raise Unavailable("ciphertext") from None


def _bound(place: Sequence[str], version: int) -> bytes:
    return json.dumps([*place, version]).encode()


def _hmac(purpose: Purpose, message: bytes, version: int | None) -> tuple[int, str]:
    version, key = _key(purpose, version)
    digest = _keyed(key).copy()
    digest.update(message)
    return version, digest.hexdigest()


@lru_cache(maxsize=16)  # setting one up is half of a digest's time; only copies are updated
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def _key(purpose: Purpose, version: int | None) -> tuple[int, bytes]:
    try:
        ring = keyring.load(settings.KEY_RING_PATH)
    except KeyRingError as error:
        raise Unavailable("key ring") from error
    if version is None:
        return ring.current(purpose)
    held = ring.get(purpose, version)
    if held is None:
        raise Unavailable(f"{purpose} version {version}")
    return version, held


def key_fingerprint(key: bytes) -> str:
    """16 hex digits that recognise a key of the ring and tell nothing about it."""
    return hmac.digest(key, b"flowlatch key fingerprint", "sha256").hex()[:16]


def new_link_token() -> str:
    """A fresh 256-bit token for a link."""
    return LINK_TOKEN_PREFIX + secrets.token_urlsafe(LINK_TOKEN_BYTES)


def mailbox_proof(token: str) -> str:
    """What only the mail adds to a link (128 bits): who brings it has read the mail.

    Made from the token under the pepper, so nothing is stored, and the token alone can't tell it.
    """
    return pepper_digest(f"mailbox {token}")[1][:32]


def link_token_digest(token: str) -> str:
    """SHA-256 of a link token: enough for 256 random bits, and no key is needed to read it."""
    return hashlib.sha256(token.encode()).hexdigest()
