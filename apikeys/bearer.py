"""Bearer: read the credential that a request presents, by a strict grammar (RFC 6750). Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qsl

MAX_TOKEN_LENGTH = 128  # characters
URL_NAMES = frozenset({"apikey", "access_token"})
_SCHEME = re.compile(rb"bearer(?![0-9a-z!#$%&'*+\-.^_`|~])", re.IGNORECASE)
_TOKEN = re.compile(rb" +([0-9A-Za-z\-._~+/]+=*)")


class Carrier(Enum):
    """Where the credential stands."""

    NONE = "none"
    HEADER = "header"
    URL = "url"
    CONFLICT = "conflict"  # more than one, or one that can be read in two ways


@dataclass(frozen=True, slots=True)
class Presented:
    """The credential of a request. `text` is None if its form is wrong. The repr hides the text."""

    carrier: Carrier
    text: str | None = field(default=None, repr=False)


NOTHING = Presented(Carrier.NONE)
CONFLICT = Presented(Carrier.CONFLICT)


def extract(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> Presented:
    """Return the one credential of a request, from its raw headers and its raw query string."""
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) > 1:
        return CONFLICT
    from_header = _from_header(values[0]) if values else NOTHING
    from_url = _from_query(query) if query else NOTHING
    if from_url is NOTHING:
        return from_header
    if from_header is not NOTHING or from_url is CONFLICT:
        return CONFLICT
    return from_url


def _from_header(value: bytes) -> Presented:
    value = value.strip(b" \t")  # no part of a field's value (RFC 9110, 5.5)
    scheme = _SCHEME.match(value)
    if scheme is None:
        # Another scheme is no credential of ours; joined by a comma to ours it makes two.
        return CONFLICT if b"," in value and b"bearer" in value.lower() else NOTHING
    rest = value[scheme.end() :]
    if b"," in rest or len(rest.split()) > 1:
        return CONFLICT
    token = _TOKEN.fullmatch(rest)
    if token is None or len(token[1]) > MAX_TOKEN_LENGTH:
        return Presented(Carrier.HEADER)
    return Presented(Carrier.HEADER, token[1].decode("ascii"))


def _from_query(query: bytes) -> Presented:
    # Others split at `;` too, and read `apiKey[]` as `apiKey`: here it counts as a key in the URL.
    text = query.decode("latin-1").replace(";", "&")
    pairs = parse_qsl(text, keep_blank_values=True)
    keys = [value for name, value in pairs if name.lower().rstrip("[]") in URL_NAMES]
    if not keys:
        return NOTHING
    return Presented(Carrier.URL, keys[0]) if len(keys) == 1 else CONFLICT
