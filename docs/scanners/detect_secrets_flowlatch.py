"""A plugin for detect-secrets that finds secret keys of Flowlatch, by pattern and checksum.

detect-secrets scan --plugin docs/scanners/detect_secrets_flowlatch.py
"""

import re
import string
import zlib
from collections.abc import Generator
from typing import Any

from detect_secrets.plugins.base import RegexBasedDetector

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
CHECKSUM = 6  # characters


class FlowlatchDetector(RegexBasedDetector):
    """Finds texts whose checksum is right, so that a look-alike is no alarm."""

    secret_type = "Flowlatch secret key"  # noqa: S105
    denylist = (re.compile(r"flk_sk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}"),)

    def analyze_string(self, string: str, **_: Any) -> Generator[str, None, None]:
        """Yield the keys in a line."""
        for text in super().analyze_string(string):
            if is_key(text):
                yield text


def is_key(text: str) -> bool:
    """Whether the checksum of a text is right: the CRC32 of what stands before it, in base62."""
    number, digits = zlib.crc32(text[:-CHECKSUM].encode()), ""
    for _ in range(CHECKSUM):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return text.endswith(digits)
