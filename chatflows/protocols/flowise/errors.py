"""Errors for Flowise's clients: RFC 9457's members and Flowise's own in one body. Pure."""

from functools import lru_cache

from chatflows.access.codes import Code
from chatflows.encoding import encode
from chatflows.protocols import problems
from chatflows.protocols.client import EVENT_STREAM, JSON, PLAIN, PROBLEM_JSON, Body


def error(code: Code, detail: str, request_id: str, accept: bytes = b"") -> Body:
    """Write an error response; `detail` replaces the code's sentence unless it is empty.

    `text/plain` for a client that asked for an event stream, as Flowise's widget shows it whole;
    `application/problem+json` if asked for; else `application/json`, which the widget looks for.
    """
    media_type = media_type_for(accept)
    if media_type is PLAIN:
        return Body(PLAIN, (detail or code.sentence).encode())
    head, tail = (parts if detail else usual_parts)(code, detail)
    return Body(media_type, head + request_id.encode() + tail)


def media_type_for(accept: bytes) -> bytes:
    """Return the media type of an error for a client's Accept header."""
    if not accept:
        return JSON
    accept = accept.lower()
    if EVENT_STREAM in accept:
        return PLAIN
    return PROBLEM_JSON if PROBLEM_JSON in accept else JSON


def parts(code: Code, detail: str) -> tuple[bytes, bytes]:
    """Return the parts of the JSON body before and after the request's id."""
    detail = detail or code.sentence
    before = problems.members(code, detail)
    after = {"statusCode": code.status, "success": False, "message": detail, "error": detail}
    return encode(before)[:-1] + b',"request_id":"', b'",' + encode(after)[1:]


usual_parts = lru_cache(maxsize=256)(parts)  # without details there are that few
