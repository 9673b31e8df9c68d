"""Adopted keys: texts that Flowise made, taken over so that whoever holds one need not change it.

Such a text has no public id in it and no checksum. It is found by a name that is made of it under
the oldest pepper, and recognised, as every key, by its digest.
"""

import base64
import hashlib
import hmac
import re

from accounts.crypto import digests

MARK = "~"  # begins the public id of an adopted key, and of no other
PREFIX = "flowise_"  # of its hint; no text begins with it
ID_LENGTH = 12  # characters, as every public id
# 256 random bits, as Flowise wrote them: base64url without padding, before 1.3 base64 with it.
_SHAPES = re.compile(r"[0-9A-Za-z_-]{43}|[0-9A-Za-z+/]{43}=")
_SECRET = re.compile(r"(?P<hash>[0-9a-f]{128})\.(?P<salt>[0-9a-f]{16})")
_COST = {"n": 16384, "r": 8, "p": 1, "dklen": 64}  # node's scryptSync without options
_MEMORY = 64 * 1024 * 1024  # bytes that scrypt may take


def has_shape(text: str) -> bool:
    """Whether Flowise could have made this text. A text of our own prefix is never one of these."""
    return not text.startswith("flk_") and _SHAPES.fullmatch(text) is not None


def is_genuine(text: str, api_secret: str) -> bool:
    """Whether Flowise's `apiSecret` belongs to its `apiKey`: files are edited by hand."""
    parts = _SECRET.fullmatch(api_secret)
    if parts is None or not has_shape(text):
        return False
    made = hashlib.scrypt(text.encode(), salt=parts["salt"].encode(), maxmem=_MEMORY, **_COST)
    return hmac.compare_digest(made.hex(), parts["hash"])


def public_id(text: str) -> str:
    """Return the public id of an adopted text: 66 bits of its HMAC under the oldest pepper.

    It is the same for as long as that pepper is in the ring. Raises Unavailable.
    """
    _, digest = digests.oldest_pepper_digest(f"adopted {text}")
    return MARK + base64.urlsafe_b64encode(bytes.fromhex(digest)).decode()[: ID_LENGTH - 1]
