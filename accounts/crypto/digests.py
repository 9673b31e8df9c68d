"""Digests: what is stored in place of a secret, and the MAC of an audit row."""

import hashlib
import hmac
import secrets
from functools import lru_cache

from accounts.crypto import ring
from accounts.crypto.keyring import Purpose

LINK_TOKEN_BYTES = 32
LINK_TOKEN_PREFIX = "fll_"  # noqa: S105 (its own: a link token is never taken for a key)


def pepper_digest(text: str, version: int | None = None) -> tuple[int, str]:
    """Return the pepper's version and the HMAC-SHA-256 (64 hex digits) of `text` under it.

    Without `version` the newest pepper is used. Raises Unavailable if the ring lacks the version.
    """
    return _hmac(Purpose.PEPPER, text.encode(), version)


def pepper_digests(text: str) -> tuple[tuple[int, str], ...]:
    """Return the digest of `text` under each pepper of the ring. Raises Unavailable."""
    peppers = ring.installed().keys[Purpose.PEPPER]
    return tuple([(version, _digest(key, text.encode())) for version, key in peppers.items()])


def oldest_pepper_digest(text: str) -> tuple[int, str]:
    """Return `pepper_digest` under the oldest pepper of the ring. Raises Unavailable."""
    return pepper_digest(text, min(ring.installed().keys[Purpose.PEPPER]))


def audit_mac(message: bytes, version: int | None = None) -> tuple[int, str]:
    """Return the audit key's version and the HMAC-SHA-256 (64 hex digits) of `message` under it.

    Without `version` the newest key is used. Raises Unavailable if the ring lacks the version.
    """
    return _hmac(Purpose.AUDIT, message, version)


def key_fingerprint(key: bytes) -> str:
    """Return 16 hex digits that recognise a key of the ring and tell nothing about it."""
    return hmac.digest(key, b"flowlatch key fingerprint", "sha256").hex()[:16]


def new_link_token() -> str:
    """Make a random 256-bit token for a link."""
    return LINK_TOKEN_PREFIX + secrets.token_urlsafe(LINK_TOKEN_BYTES)


def mailbox_proof(token: str) -> str:
    """Return the part of a link that only the mail has (128 bits). Whoever brings it read the mail.

    It is an HMAC of the token under the pepper, so nothing is stored, and the token alone does not
    reveal it.
    """
    return pepper_digest(f"mailbox {token}")[1][:32]


def link_token_digest(token: str) -> str:
    """Return the SHA-256 of a link token.

    A plain hash is enough for 256 random bits, and needs no key of the ring.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def _hmac(purpose: Purpose, message: bytes, version: int | None) -> tuple[int, str]:
    version, key = ring.key(purpose, version)
    return version, _digest(key, message)


def _digest(key: bytes, message: bytes) -> str:
    digest = _keyed(key).copy()
    digest.update(message)
    return digest.hexdigest()


@lru_cache(maxsize=16)  # setting one up is half of a digest's time; only copies are updated
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")
