"""Responses of the gate: the headers that each one has, and how a refusal is answered."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from accounts.permissions import Permission
from chatflows.access import codes
from chatflows.access.codes import Code, Refused
from chatflows.encoding import encode
from chatflows.protocols.client import JSON, ClientProtocol

Headers = list[tuple[bytes, bytes]]

CLOSE = (b"connection", b"close")
# Codes that stand in the challenge too (RFC 6750, section 3): none where no credential was sent.
CHALLENGED = frozenset(
    code.name for code in (codes.INVALID_TOKEN, codes.INVALID_REQUEST, codes.INSUFFICIENT_SCOPE)
)


class Answer(NamedTuple):
    """A whole response."""

    status: int
    headers: Headers
    body: bytes


def plain(status: int, media_type: bytes, body: bytes, extra: Headers | None = None) -> Answer:
    """Return an answer with the headers that each one has; the request's id comes with `send`."""
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *(extra or []),
    ]
    return Answer(status, headers, body)


def json_answer(value: dict[str, Any], extra: Headers | None = None) -> Answer:
    """Return 200 with JSON."""
    return plain(200, JSON, encode(value), extra)


def refusal(
    refused: Refused, protocol: ClientProtocol, request_id: str, accept: bytes, cors: Headers
) -> Answer:
    """Return what a refused caller gets: the same bytes for one code, the request's id aside."""
    body = protocol.error(refused.code, refused.detail, request_id, accept)
    return plain(
        refused.code.status, body.media_type, body.content, [*cors, *refusal_headers(refused)]
    )


def refusal_headers(refused: Refused) -> Headers:
    """Return the headers that say what to do about a refusal."""
    headers = [*refused.headers, *challenge(refused.code, refused.scope)]
    if refused.retry_after is not None:
        headers.append((b"retry-after", str(refused.retry_after).encode()))
    if refused.closes:
        headers.append(CLOSE)
    return headers


def challenge(code: Code, scope: Permission | None) -> Headers:
    """Return the WWW-Authenticate header that a refusal has, if it has one."""
    if code.status != 401 and code.name not in CHALLENGED:
        return []
    words = 'Bearer realm="flowlatch"'
    if code.name in CHALLENGED:
        words += f', error="{code.name}"'
    if scope is not None:
        words += f', scope="{scope.value}"'
    return [(b"www-authenticate", words.encode())]


async def send(
    send_message: Callable[[Any], Awaitable[None]], answer: Answer, request_id: str
) -> None:
    """Send a whole answer with its request id."""
    headers = [*answer.headers, (b"x-request-id", request_id.encode())]
    await send_message({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send_message({"type": "http.response.body", "body": answer.body})
