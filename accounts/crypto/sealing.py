"""Sealing: ciphertext of the secrets that have to be sent again, such as an upstream's key."""

import json
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accounts.crypto import ring
from accounts.crypto.keyring import Purpose
from accounts.outages import Unavailable

NONCE_BYTES = 12  # AES-GCM's own; random ones are fine for 2**32 messages under one key


def encrypt(text: str, place: Sequence[str]) -> tuple[int, bytes]:
    """Return the encryption key's version and `text` under AES-GCM, readable only at `place`.

    `place` names where the ciphertext lies (kind, row, team, ...); it can't be read elsewhere.
    """
    version, key = ring.key(Purpose.ENCRYPTION, None)
    nonce = secrets.token_bytes(NONCE_BYTES)
    return version, nonce + AESGCM(key).encrypt(nonce, text.encode(), _bound(place, version))


def decrypt(ciphertext: bytes, version: int, place: Sequence[str]) -> str:
    """Return the text that `encrypt` was given.

    Raises Unavailable if the key is gone or `place` is another one.
    """
    _, key = ring.key(Purpose.ENCRYPTION, version)
    nonce, rest = ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, rest, _bound(place, version)).decode()
    except (InvalidTag, ValueError):
        raise Unavailable("ciphertext") from None


def _bound(place: Sequence[str], version: int) -> bytes:
    return json.dumps([*place, version]).encode()
