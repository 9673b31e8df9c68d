"""The answers of the gate that are no answer, explained for the people who meet them. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A status and code, what it means, and what to do."""

    status: int
    code: str
    meaning: str
    fix: str


ANSWERS = (
    ErrorAnswer(
        400,
        "invalid_request",
        "Two credentials, or a key in the URL.",
        "Send one key, in the Authorization header.",
    ),
    ErrorAnswer(
        400,
        "invalid_body",
        "The JSON can't be read, or a field is of the wrong kind.",
        "The message names the field.",
    ),
    ErrorAnswer(
        401,
        "missing_token",
        "No key came, and the chatflow wants one.",
        "Add Authorization: Bearer and the key.",
    ),
    ErrorAnswer(
        401,
        "invalid_token",
        "The key is mistyped, unknown, expired, disabled or deleted.",
        "Look at the calls on the Access page: the reason stands there, for your team alone.",
    ),
    ErrorAnswer(
        403,
        "key_not_selected",
        "The key is good, but not for this chatflow.",
        "Select it on the Access page.",
    ),
    ErrorAnswer(403, "chatflow_off", "The chatflow is off.", "Turn it on, on the Access page."),
    ErrorAnswer(
        404,
        "not_found",
        "Your team has no chatflow of this id.",
        "Copy the address from this page.",
    ),
    ErrorAnswer(
        415,
        "unsupported_media_type",
        "The body is not JSON.",
        "Send Content-Type: application/json.",
    ),
    ErrorAnswer(
        502,
        "upstream_error",
        "The engine's server can't be reached, refuses our key, or sent no answer. The code tells "
        "which; each begins with upstream_.",
        "Test the connection on the Engine page.",
    ),
    ErrorAnswer(
        504,
        "upstream_timeout",
        "The engine's server did not answer in time.",
        "Ask again; then look at that server.",
    ),
    ErrorAnswer(
        503,
        "upstream_rate_limited",
        "The engine's server is over its own limit.",
        "Try again after the seconds in Retry-After.",
    ),
    ErrorAnswer(
        503,
        "unavailable",
        "A part that is needed to check the key is away.",
        "Try again after the seconds in Retry-After.",
    ),
)
