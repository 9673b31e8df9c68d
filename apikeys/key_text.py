"""Key text: what a client sends, its format and its checksum. Pure.

    flk_sk_<id: 12 base62>_<secret: 43 base62, 256 bits><checksum: 6 base62>

The checksum is the CRC32 of everything before it, so a typo is refused without asking the
database. PATTERN is what secret scanners look for.
"""

import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_PREFIX = "flk_sk_"  # noqa: S105 (public: scanners look for it)
ID_LENGTH = 12  # characters, 71 bits
SECRET_BYTES = 32
SECRET_LENGTH = 43  # characters that hold 256 bits
CHECKSUM_LENGTH = 6  # characters that hold 32 bits
_PAIRS = [tens + ones for tens in ALPHABET for ones in ALPHABET]
PATTERN = re.compile(
    rf"{SECRET_PREFIX}[0-9A-Za-z]{{{ID_LENGTH}}}_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}"
)


@dataclass(frozen=True, slots=True)
class KeyText:
    """A well-formed key text. Its repr shows only the public id."""

    public_id: str
    text: str = field(repr=False)


def generate() -> KeyText:
    """Make a new secret key's text with a random id and 256 random bits."""
    public_id = "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
    secret = _base62(int.from_bytes(secrets.token_bytes(SECRET_BYTES)), SECRET_LENGTH)
    body = f"{SECRET_PREFIX}{public_id}_{secret}"
    return KeyText(public_id, body + checksum(body))


def parse(text: str) -> KeyText | None:
    """Return the key text if its form and its checksum are right, or None."""
    if PATTERN.fullmatch(text) is None:
        return None
    body, tail = text[:-CHECKSUM_LENGTH], text[-CHECKSUM_LENGTH:]
    if checksum(body) != tail:
        return None
    start = len(SECRET_PREFIX)
    return KeyText(text[start : start + ID_LENGTH], text)


def checksum(body: str) -> str:
    """Return the CRC32 of the text as 6 base62 digits."""
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def hint_parts(public_id: str) -> tuple[str, str, str]:
    """Return the prefix, the first and the last four characters of the public id, to be shown."""
    return SECRET_PREFIX, public_id[:4], public_id[-4:]


def _base62(number: int, length: int) -> str:
    pairs = []
    for _ in range(0, length, 2):
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs))[-length:]
