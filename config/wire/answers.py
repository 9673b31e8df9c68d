"""Answers that the wire gives by itself, to a client that the application never hears of."""

from http import HTTPStatus


def _answer(status: HTTPStatus, more: str = "") -> bytes:
    body = f"{status.phrase}\n"
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "content-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\n"
        "cache-control: no-store\r\n"
        f"connection: close\r\n{more}"
        f"\r\n{body}"
    ).encode("ascii")


BAD_REQUEST = _answer(HTTPStatus.BAD_REQUEST)
TIMED_OUT = _answer(HTTPStatus.REQUEST_TIMEOUT)
TOO_LARGE = _answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
CROWDED = _answer(HTTPStatus.SERVICE_UNAVAILABLE, "retry-after: 1\r\n")
NO_ANSWER = b""
