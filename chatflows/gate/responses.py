"""What the gate answers: headers, error bodies by route family, Flowise's frames. Pure."""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from chatflows.access.decisions import Decision
from chatflows.protocols.encoding import encode

Headers = list[tuple[bytes, bytes]]

JSON = b"application/json"
PROBLEM_JSON = b"application/problem+json"
PLAIN = b"text/plain; charset=utf-8"
EVENT_STREAM = b"text/event-stream"
RETRY_AFTER = b"2"  # seconds
CROWDED = "Too many large bodies are held at once. Try again in a moment."

PREFLIGHT: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, accept, x-request-id"),
    (b"access-control-max-age", b"600"),
]
CLOSE: Headers = [(b"connection", b"close")]
ANY_ORIGIN = (b"access-control-allow-origin", b"*")
# Every code that the gate answers with: a title, and a sentence that says what to do.
MESSAGES: dict[str, tuple[str, str]] = {
    "invalid_request": (
        "Bad request",
        "Send exactly one key, in the header Authorization: Bearer <key>, and never in the URL.",
    ),
    "invalid_token": ("Unauthorized", "The key is not valid. Check it, or ask for a new one."),
    "missing_token": ("Unauthorized", "Send a key: Authorization: Bearer <key>."),
    "not_found": ("Not found", "There is no such chatflow for this key."),
    "insufficient_scope": ("Forbidden", "The key lacks the scope that this call needs."),
    "key_not_selected": ("Forbidden", "The key is good, but not selected for this chatflow."),
    "chatflow_off": ("Forbidden", "The chatflow is turned off."),
    "origin_not_allowed": ("Forbidden", "This origin is not allowed here."),
    "network_not_allowed": ("Forbidden", "This network is not allowed here."),
    "rate_limited": ("Too many requests", "Too many calls. Wait, then try again."),
    "unavailable": ("Unavailable", "A part that is needed is away. Try again in a moment."),
    "method_not_allowed": ("Method not allowed", "This address does not take that method."),
    "unsupported_media_type": (
        "Unsupported media type",
        "Send the body as application/json, in UTF-8 and not compressed.",
    ),
    "too_large": ("Payload too large", "The body is larger than this address takes."),
    "request_timeout": ("Request timeout", "The body did not arrive in time."),
    "invalid_body": ("Bad request", "The body can't be read."),
    "upstream_unreachable": ("Bad gateway", "The upstream can't be reached."),
    "upstream_unauthorized": ("Bad gateway", "The upstream refused the chatflow's own key."),
    "upstream_error": ("Bad gateway", "The upstream could not answer."),
    "upstream_invalid": ("Bad gateway", "The upstream sent something that is no answer."),
    "upstream_cut": ("Bad gateway", "The answer broke off."),
    "upstream_unset": ("Bad gateway", "The chatflow's engine is not set up."),
    "upstream_timeout": ("Gateway timeout", "The upstream did not answer in time."),
    "upstream_rate_limited": ("Unavailable", "The upstream is over its own limit. Try later."),
    "internal_error": ("Internal error", "Something broke here. The call was not answered."),
}


class Answer(NamedTuple):
    """A whole response."""

    status: int
    headers: Headers
    body: bytes


class ErrorForm(Protocol):
    """An error in the form of one family of clients."""

    def __call__(
        self,
        status: int,
        code: str,
        request_id: str,
        accept: bytes = b"",
        *,
        extra: Headers | None = None,
        detail: str = "",
    ) -> Answer: ...


def plain(status: int, content_type: bytes, body: bytes, extra: Headers | None = None) -> Answer:
    """An answer with the headers that every answer of the gate has, request id aside."""
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *(extra or []),
    ]
    return Answer(status, headers, body)


def json_answer(value: dict[str, Any], extra: Headers | None = None) -> Answer:
    """200 with JSON."""
    return plain(200, JSON, encode(value), extra)


def refusal(
    decision: Decision,
    request_id: str,
    accept: bytes,
    extra: Headers,
    form: ErrorForm | None = None,
) -> Answer:
    """What a refused caller gets: the same bytes for the same code, request id aside."""
    headers = [*extra, *_challenge(decision)]
    if decision.status in (429, 503):
        headers.append((b"retry-after", RETRY_AFTER))
    form = form or error
    return form(decision.status, decision.code, request_id, accept, extra=headers)


def error(
    status: int,
    code: str,
    request_id: str,
    accept: bytes = b"",
    *,
    extra: Headers | None = None,
    detail: str = "",
) -> Answer:
    """An error in the Flowise family's form (RFC 9457's members and Flowise's together).

    `text/plain` for a client that asked for an event stream, as Flowise's widget shows it whole;
    `application/problem+json` if asked for; else `application/json`, which the widget looks for.
    """
    accept = accept.lower()
    if EVENT_STREAM in accept:
        return plain(status, PLAIN, (detail or MESSAGES[code][1]).encode(), extra)
    head, tail = (_error_body if detail else _usual_error_body)(status, code, detail)
    body = head + request_id.encode() + tail
    return plain(status, PROBLEM_JSON if PROBLEM_JSON in accept else JSON, body, extra)


def _error_body(status: int, code: str, detail: str) -> tuple[bytes, bytes]:
    """What stands before the request's id, and what after it."""
    title, sentence = MESSAGES[code]
    detail = detail or sentence
    before = {
        "type": f"urn:flowlatch:error:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    }
    after = {"statusCode": status, "success": False, "message": detail, "error": detail}
    return encode(before)[:-1] + b',"request_id":"', b'",' + encode(after)[1:]


_usual_error_body = lru_cache(maxsize=256)(_error_body)  # details aside, there are that few


def openai_error(
    status: int,
    code: str,
    request_id: str,
    accept: bytes = b"",
    *,
    extra: Headers | None = None,
    detail: str = "",
) -> Answer:
    """An error in OpenAI's form, which has no other, whatever is accepted."""
    return plain(status, JSON, encode(openai_error_body(status, code, detail)), extra)


def openai_error_body(status: int, code: str, detail: str = "") -> dict[str, Any]:
    """What OpenAI's clients read of an error, also in the middle of a stream."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    kind = "rate_limit_error" if status == 429 else kind
    message = detail or MESSAGES[code][1]
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _challenge(decision: Decision) -> Headers:
    # RFC 6750, section 3: no error code where no credential was sent.
    errors = {"invalid_token", "invalid_request", "insufficient_scope"}
    if decision.status != 401 and decision.code not in errors:
        return []
    challenge = 'Bearer realm="flowlatch"'
    if decision.code in errors:
        challenge += f', error="{decision.code}"'
    if decision.scope is not None:
        challenge += f', scope="{decision.scope.value}"'
    return [(b"www-authenticate", challenge.encode())]


async def send(
    send_message: Callable[[Any], Awaitable[None]], answer: Answer, request_id: str
) -> None:
    """Send a whole answer with its request id."""
    headers = [*answer.headers, (b"x-request-id", request_id.encode())]
    await send_message({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send_message({"type": "http.response.body", "body": answer.body})
