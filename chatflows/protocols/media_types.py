"""Media types with their parameters, as RFC 9110 (5.6.6, 8.3.1) has them. Pure."""

import re
from functools import lru_cache
from typing import NamedTuple

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MAIN = re.compile(rb"[ \t]*(%b(?:/%b)?)[ \t]*" % (_TOKEN, _TOKEN))
# A parameter may be missing behind its semicolon. Blanks around `=` and values without quotes that
# are no tokens (boundaries, mostly) are not in the RFC: many clients send them.
_PARAMETER = re.compile(
    rb';[ \t]*(?:(%b)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*+)"|([^\s;",]+)))?[ \t]*' % _TOKEN
)
ANY_ESCAPE = re.compile(rb"\\(.)")  # in a quoted string
# Some clients call UTF-8 ASCII, which is a part of it.
UTF8 = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})


class Value(NamedTuple):
    """A header's value with its parameters, in order; names are in lower case."""

    main: bytes  # in lower case
    parameters: list[tuple[bytes, bytes]]

    def all(self, name: bytes) -> list[bytes]:
        """Return every value of a parameter."""
        return [value for each, value in self.parameters if each == name]

    @property
    def is_utf8(self) -> bool:
        """Whether it names no other charset than UTF-8."""
        return all(charset.lower() in UTF8 for charset in self.all(b"charset"))


def split(header: bytes, escapes: re.Pattern[bytes] = ANY_ESCAPE) -> Value | None:
    """Take a header's value apart, or return None for what is no such value.

    `escapes` are those that count in a quoted string: its first group stands for the whole.
    """
    found = _MAIN.match(header)
    if found is None:
        return None
    main, parameters = found[1].lower(), []
    while found.end() < len(header):
        found = _PARAMETER.match(header, found.end())
        if found is None:
            return None
        if found[1] is not None:
            quoted, plain = found[2], found[3]
            value = plain if quoted is None else escapes.sub(rb"\1", quoted)
            parameters.append((found[1].lower(), value))
    return Value(main, parameters)


@lru_cache(maxsize=64)  # few clients spell it oddly, but those do at each request
def is_json(content_type: bytes) -> bool:
    """Return whether a Content-Type is JSON in UTF-8, which is JSON's charset if none is named."""
    value = split(content_type)
    return value is not None and value.main == b"application/json" and value.is_utf8
