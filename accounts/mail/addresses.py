"""E-mail addresses: read exactly one, in a form that can be compared. Pure."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

MAX_LENGTH = 254  # characters, RFC 5321
# Visible ASCII; then what separates, quotes, comments or routes addresses (RFC 5322).
_PLAIN = re.compile(r"[!-~]+", re.ASCII)
_SPECIAL = re.compile(r'[\s,;:<>()\[\]"\\%!]')


def one(text: str) -> str:
    """Return the one address in the text, with its domain in lower case.

    Raises ValidationError for no address, several, a name beside the address, or letters outside
    ASCII, which can look like others. (A foreign domain has an ASCII form: xn--...)
    """
    address = text.strip()
    if not address or len(address) > MAX_LENGTH:
        raise ValidationError("Write one address of at most 254 characters.", code="length")
    if _SPECIAL.search(address):
        raise ValidationError("Write one address on each line, and nothing else.", code="several")
    if not _PLAIN.fullmatch(address):
        raise ValidationError(
            "This address has a letter outside A to Z, which can look like another. Write the "
            "domain in its xn-- form.",
            code="letters",
        )
    validate_email(address)
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def key(address: str) -> str:
    """Return the form by which addresses are compared."""
    return address.lower()
