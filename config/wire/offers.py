"""Offers: a request that offers another protocol, such as h2c, is read as if it offered none.

RFC 9110, 7.8 lets a server ignore an `Upgrade`. The parser takes every offer for the end of HTTP
and skips the body, so a fresh parser gets the same head without its offer.
"""

import httptools

Header = tuple[bytes, bytes]

OFFERS = (b"upgrade", b"http2-settings")  # header fields, and tokens of `Connection`


def new_parser(protocol: object) -> httptools.HttpRequestParser:
    """Return a parser that calls back `protocol`, as uvicorn sets one up."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def declined(method: bytes, url: bytes, version: str, headers: list[Header]) -> bytes:
    """Return a head as it was parsed, without its offer."""
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode())]
    for name, value in headers:
        if name == b"connection":
            tokens = [token.strip() for token in value.split(b",")]
            kept = [token for token in tokens if token.lower() not in OFFERS]
            lines.append(b"connection: " + b", ".join(kept))
        elif name not in OFFERS:
            lines.append(name + b": " + value)
    return b"\r\n".join([*lines, b"", b""])
