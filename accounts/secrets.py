"""Digests under the key ring: what may lie in the database in place of a secret."""

import hashlib
import hmac
import secrets

from django.conf import settings

from config import keyring
from config.keyring import KeyRingError, Purpose

LINK_TOKEN_BYTES = 32
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


def _hmac(purpose: Purpose, message: bytes, version: int | None) -> tuple[int, str]:
    try:
        ring = keyring.load(settings.KEY_RING_PATH)
    except KeyRingError as error:
        raise Unavailable("key ring") from error
    if version is None:
        version, key = ring.current(purpose)
    else:
        held = ring.get(purpose, version)
        if held is None:
            raise Unavailable(f"{purpose} version {version}")
        key = held
    return version, hmac.digest(key, message, "sha256").hex()


def key_fingerprint(key: bytes) -> str:
    """16 hex digits that recognise a key of the ring and tell nothing about it."""
    return hmac.digest(key, b"flowlatch key fingerprint", "sha256").hex()[:16]


def new_link_token() -> str:
    """A fresh 256-bit token for a link."""
    return LINK_TOKEN_PREFIX + secrets.token_urlsafe(LINK_TOKEN_BYTES)


def link_token_digest(token: str) -> str:
    """SHA-256 of a link token: enough for 256 random bits, and no key is needed to read it."""
    return hashlib.sha256(token.encode()).hexdigest()
