"""Errors for OpenAI's clients. Pure."""

from typing import Any

from chatflows.access.codes import Code
from chatflows.encoding import encode
from chatflows.protocols.client import JSON, Body


def error(code: Code, detail: str, request_id: str, accept: bytes = b"") -> Body:
    """Write an error response. OpenAI has one form, whatever the client accepts."""
    return Body(JSON, encode(value(code, detail)))


def value(code: Code, detail: str = "") -> dict[str, Any]:
    """Return an error as OpenAI's clients read it, also in the middle of a stream."""
    kind = "server_error" if code.status >= 500 else "invalid_request_error"
    kind = "rate_limit_error" if code.status == 429 else kind
    message = detail or code.sentence
    return {"error": {"message": message, "type": kind, "param": None, "code": code.name}}
