"""Key text: what a client sends, its format and its checksum. Pure.

    flk_sk_<id: 12 base62>_<secret: 43 base62, 256 bits><checksum: 6 base62>    secret
    flk_pk_<id: 12 base62>_<secret: 22 base62, 130 bits><checksum: 6 base62>    publishable

The checksum is the CRC32 of everything before it, so a typo is refused without asking the
database. PATTERN and PUBLISHABLE_PATTERN are what secret scanners look for.
"""

import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

from apikeys import adopted

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_PREFIX = "flk_sk_"  # noqa: S105 (public: scanners look for it)
PUBLISHABLE_PREFIX = "flk_pk_"
ID_LENGTH = 12  # characters, 71 bits
SECRET_BYTES = 32
SECRET_LENGTH = 43  # characters that hold 256 bits
PUBLISHABLE_LENGTH = 22  # characters; the text stands in web pages anyway
CHECKSUM_LENGTH = 6  # characters that hold 32 bits
_PAIRS = [tens + ones for tens in ALPHABET for ones in ALPHABET]


def _pattern(prefix: str, length: int) -> re.Pattern[str]:
    tail = length + CHECKSUM_LENGTH
    return re.compile(rf"{prefix}[0-9A-Za-z]{{{ID_LENGTH}}}_[0-9A-Za-z]{{{tail}}}")


PATTERN = _pattern(SECRET_PREFIX, SECRET_LENGTH)
PUBLISHABLE_PATTERN = _pattern(PUBLISHABLE_PREFIX, PUBLISHABLE_LENGTH)


@dataclass(frozen=True, slots=True)
class KeyText:
    """A well-formed key text. Its repr shows only the public id and the kind."""

    public_id: str
    text: str = field(repr=False)
    is_publishable: bool = False


def generate(*, is_publishable: bool = False) -> KeyText:
    """Create a new key's text with a random id and a random secret, 256 bits of a secret key."""
    public_id = _random(ID_LENGTH)
    if is_publishable:
        body = f"{PUBLISHABLE_PREFIX}{public_id}_{_random(PUBLISHABLE_LENGTH)}"
    else:
        secret = _base62(int.from_bytes(secrets.token_bytes(SECRET_BYTES)), SECRET_LENGTH)
        body = f"{SECRET_PREFIX}{public_id}_{secret}"
    return KeyText(public_id, body + checksum(body), is_publishable)


def parse(text: str) -> KeyText | None:
    """Return the key text if its form and its checksum are right, or None."""
    is_publishable = text.startswith(PUBLISHABLE_PREFIX)
    pattern = PUBLISHABLE_PATTERN if is_publishable else PATTERN
    if pattern.fullmatch(text) is None:
        return None
    body, tail = text[:-CHECKSUM_LENGTH], text[-CHECKSUM_LENGTH:]
    if checksum(body) != tail:
        return None
    start = len(SECRET_PREFIX)
    return KeyText(text[start : start + ID_LENGTH], text, is_publishable)


def checksum(body: str) -> str:
    """Return the CRC32 of the text as 6 base62 digits."""
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def hint_parts(public_id: str, *, is_publishable: bool = False) -> tuple[str, str, str]:
    """Return the prefix, the first and the last four characters of the public id, to be shown."""
    if public_id.startswith(adopted.MARK):
        return adopted.PREFIX, public_id[1:5], public_id[-4:]
    prefix = PUBLISHABLE_PREFIX if is_publishable else SECRET_PREFIX
    return prefix, public_id[:4], public_id[-4:]


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _base62(number: int, length: int) -> str:
    pairs = []
    for _ in range(0, length, 2):
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs))[-length:]
