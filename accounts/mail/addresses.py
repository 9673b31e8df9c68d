"""E-mail addresses: read one, in a form that can be compared, or find them in a list. Pure."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

MAX_LENGTH = 254  # characters, RFC 5321
# Visible ASCII; then what separates, quotes, comments or routes addresses (RFC 5322).
_PLAIN = re.compile(r"[!-~]+", re.ASCII)
_SPECIAL = re.compile(r'[\s,;:<>()\[\]"\\%!]')
# What stands around an address in a sentence or a list, and what other programs hide there.
_AROUND = " \t\xa0\u200b\u200e\u200f\u2060\ufeff.,:?\"'`()[]\u2018\u2019\u201c\u201d\u2022*"
_BARE_PART = re.compile(r"[^,;|\uff0c\uff1b\u3001]+")
_PART = re.compile(r'(?:"[^"]*"|[^",;|\uff0c\uff1b\u3001])+')
_NAMED = re.compile(r"(?P<name>[^<>]*)<\s*(?P<address>[^<>\s]+)\s*>")
_BARE_NAME = re.compile(r"[\w.'\"\u2019\u201c\u201d-]+(?:\s+[\w.'\"\u2019\u201c\u201d-]+){0,2}")
_MAILTO = re.compile(r"^mailto:|\?.*", re.IGNORECASE)


def one(text: str) -> str:
    """Return the one address in the text, with its domain in lower case.

    Raises ValidationError for no address, several, a name beside the address, or letters outside
    ASCII, which can look like others. (A foreign domain has an ASCII form: xn--...)
    """
    address = text.strip()
    if not address or len(address) > MAX_LENGTH:
        raise ValidationError("Write one address of at most 254 characters.", code="length")
    if _SPECIAL.search(address):
        raise ValidationError("This is not one address.", code="several")
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


def pasted(text: str) -> list[str]:
    """Return the texts that stand for one address each in a list as people paste it.

    Commas, semicolons, bars and line ends part them, but not inside quotes. `Ann <ann@example.com>`
    and `mailto:ann@example.com` become the address alone. What is in no such form is returned as
    it is, so that `one` refuses it and nothing is dropped.
    """
    pieces = (piece.strip(_AROUND) for piece in _pieces(text))
    return [found for piece in pieces if piece for found in _unwrapped(piece)]


def _pieces(text: str) -> list[str]:
    """Split a list. A quote that never ends parts nothing: its line is split as if without it."""
    found: list[str] = []
    for line in text.splitlines():
        parts = _PART if _is_closed(line) else _BARE_PART
        found += parts.findall(line)
    return found


def _is_closed(line: str) -> bool:
    return line.count('"') % 2 == 0


def _unwrapped(piece: str) -> list[str]:
    if named := _NAMED.fullmatch(piece):
        name, address = named["name"].strip(_AROUND), named["address"]
        address = _MAILTO.sub("", address)
        is_plain = "@" not in name or name.lower() == address.lower()
        return [address] if is_plain else [piece]  # of two addresses none is taken
    words = [_MAILTO.sub("", word.strip(_AROUND)) for word in piece.split()]
    if all("@" in word for word in words):
        return words
    before = piece.rsplit(maxsplit=1)[0]
    is_named = "@" in words[-1] and _BARE_NAME.fullmatch(before)
    return words[-1:] if is_named else [piece]
