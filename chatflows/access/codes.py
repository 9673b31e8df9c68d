"""Codes: the one catalogue of what callers are told in place of an answer. Pure.

The gate, the pages, the documents and the error pages read it. No code is defined elsewhere.
"""

from typing import NamedTuple

from accounts.permissions import Permission

RETRY_AFTER = 2  # seconds, unless the refusal names another time


class Code(NamedTuple):
    """The word for a failure in the API, with its status and its explanations.

    `sentence` is sent to the caller. `meaning` and `remedy` are shown on the page for callers.
    """

    name: str
    status: int
    title: str
    sentence: str
    meaning: str = ""
    remedy: str = ""

    def saying(self, sentence: str) -> "Code":
        """Return a copy of this code with another sentence."""
        return self._replace(sentence=sentence)


class Refused(Exception):
    """Raised for a request that is refused. The error goes out in the protocol of its route.

    `detail` replaces the code's sentence. `retry_after` is in seconds; 429 and 503 always have one.
    `closes`: the connection must be closed, since the body was not read to its end.
    """

    def __init__(
        self,
        code: Code,
        detail: str = "",
        *,
        retry_after: int | None = None,
        closes: bool = False,
        scope: Permission | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(detail or code.name)
        self.code = code
        self.detail = detail
        self.retry_after = RETRY_AFTER if code.status in (429, 503) else None
        if retry_after is not None:
            self.retry_after = retry_after
        self.closes = closes
        self.scope = scope
        self.headers = headers


# How a call that was let in ended, where it did not end with a code of the catalogue.
OK, ABORTED, CLIENT_GONE = "ok", "aborted", "client_gone"

# The access rule (docs/access.md).
INVALID_REQUEST = Code(
    "invalid_request",
    400,
    "Bad request",
    "Send exactly one key, in the header Authorization: Bearer <key>, and never in the URL.",
    "Two credentials, or a key in the URL.",
    "Send one key, in the Authorization header.",
)
MISSING_TOKEN = Code(
    "missing_token",
    401,
    "Unauthorized",
    "Send a key: Authorization: Bearer <key>.",
    "No key came, and the chatflow wants one.",
    "Add Authorization: Bearer and the key.",
)
INVALID_TOKEN = Code(
    "invalid_token",
    401,
    "Unauthorized",
    "The key is not valid. Check it, or ask for a new one.",
    "The key is mistyped, unknown, expired, disabled or deleted.",
    "Look at the calls on the Access page: the reason stands there, for your team alone.",
)
NETWORK_NOT_ALLOWED = Code(
    "network_not_allowed",
    403,
    "Forbidden",
    "This network is not allowed here.",
    "The key or the chatflow lists networks, and the call comes from elsewhere.",
    "Call from a listed network.",
)
ORIGIN_NOT_ALLOWED = Code(
    "origin_not_allowed",
    403,
    "Forbidden",
    "This origin is not allowed here.",
    "The key or the chatflow lists origins, and the page that calls is not among them.",
    "Call from a listed page.",
)
NOT_FOUND = Code(
    "not_found",
    404,
    "Not found",
    "There is no such chatflow for this key.",
    "Your team has no chatflow of this id.",
    "Copy the address from this page.",
)
INSUFFICIENT_SCOPE = Code(
    "insufficient_scope",
    403,
    "Forbidden",
    "The key lacks the scope that this call needs.",
    "The key was made without predictions:create.",
    "Create another key.",
)
KEY_NOT_SELECTED = Code(
    "key_not_selected",
    403,
    "Forbidden",
    "The key is good, but not selected for this chatflow.",
    "The key is good, but not for this chatflow.",
    "Select it on the Access page.",
)
CHATFLOW_OFF = Code(
    "chatflow_off",
    403,
    "Forbidden",
    "The chatflow is turned off.",
    "The chatflow is off.",
    "Turn it on, on the Access page.",
)
RATE_LIMITED = Code(
    "rate_limited",
    429,
    "Too many requests",
    "Too many calls. Wait, then try again.",
    "A limit of the key, the chatflow or the address is used up, or too many answers run at once.",
    "Try again after the seconds in Retry-After.",
)
UNAVAILABLE = Code(
    "unavailable",
    503,
    "Unavailable",
    "A part that is needed is away. Try again in a moment.",
    "The database, or another part that checks keys, can't be reached.",
    "Try again after the seconds in Retry-After.",
)

RESTARTING = Code(
    "restarting",
    503,
    "Restarting",
    "The server restarts, and could not wait for the end of this answer. Ask again.",
    "The answer took longer than a server that stops waits for answers.",
    "Ask again. An answer that streamed holds what had come until then.",
)

# The request itself.
BAD_REQUEST = Code("bad_request", 400, "Bad request", "The request can't be understood.")
FORBIDDEN = Code("forbidden", 403, "Forbidden", "This is not allowed.")
METHOD_NOT_ALLOWED = Code(
    "method_not_allowed",
    405,
    "Method not allowed",
    "This address does not take that method.",
    "The address is right, the method is not.",
    "Send one of the methods in the header Allow.",
)
REQUEST_TIMEOUT = Code(
    "request_timeout",
    408,
    "Request timeout",
    "The body did not arrive in time.",
    "The body took over 30 seconds, or came slower than 64 KiB a second after that.",
    "Send it again over a faster line, or send less.",
)
TOO_LARGE = Code(
    "too_large",
    413,
    "Payload too large",
    "The body is larger than this address takes.",
    "The question and its files are too large together.",
    "Send fewer or smaller files.",
)
UNSUPPORTED_MEDIA_TYPE = Code(
    "unsupported_media_type",
    415,
    "Unsupported media type",
    "Send the body as application/json, in UTF-8 and not compressed.",
    "The body is not JSON.",
    "Send Content-Type: application/json.",
)
INVALID_BODY = Code(
    "invalid_body",
    400,
    "Bad request",
    "The body can't be read.",
    "The JSON can't be read, or a field is of the wrong kind.",
    "The message names the field.",
)

# Operations of the management API.
NO_SUCH_THING = Code("no_such_thing", 404, "Not found", "There is nothing of this id in your team.")
INVALID_FIELDS = Code(
    "invalid_fields", 422, "Invalid fields", "A field can't be taken. `errors` names each."
)
CONFLICT = Code("conflict", 409, "Conflict", "The present state does not allow this.")
PRECONDITION_FAILED = Code(
    "precondition_failed", 412, "Precondition failed", "This was changed since you read it."
)

# Answers on pages, where a person asks without a key.
TOO_MANY_STREAMS = Code(
    "too_many_streams",
    429,
    "Too many requests",
    "Too many answers run at once. Wait for one to end, or stop it.",
)
CLOSED = Code("closed", 403, "Forbidden", "This chat was closed while the answer came.")

# The engine. Closed, filtered, unknown and not allowed upstreams get the same words, so that nobody
# can map a network with them.
UPSTREAM_UNREACHABLE = Code(
    "upstream_unreachable",
    502,
    "Bad gateway",
    "The engine can't be reached.",
    "The engine's server can't be reached.",
    "Ask again after some seconds; then tell who looks after the chatflow.",
)
UPSTREAM_UNAUTHORIZED = Code(
    "upstream_unauthorized",
    502,
    "Bad gateway",
    "The engine refused the chatflow's own key.",
    "The engine's server refuses the key that the chatflow has for it. Your key is good.",
    "Tell who looks after the chatflow.",
)
UPSTREAM_ERROR = Code(
    "upstream_error",
    502,
    "Bad gateway",
    "The engine could not answer.",
    "The engine's server can't be reached, refuses our key, or sent no answer. The code tells "
    "which; each begins with upstream_.",
    "Test the connection on the Engine page.",
)
UPSTREAM_INVALID = Code(
    "upstream_invalid",
    502,
    "Bad gateway",
    "The engine sent something that is no answer.",
    "What the engine's server sent can't be read, or has no text in it.",
    "Tell who looks after the chatflow.",
)
UPSTREAM_CUT = Code(
    "upstream_cut",
    502,
    "Bad gateway",
    "The answer broke off.",
    "The engine's server hung up in the middle of its answer.",
    "Throw away what came, and ask again if it may be asked twice.",
)
UPSTREAM_UNSET = Code(
    "upstream_unset",
    502,
    "Bad gateway",
    "The chatflow's engine is not set up.",
    "Nobody has chosen what answers yet.",
    "Set it up on the Engine page.",
)
UPSTREAM_TIMEOUT = Code(
    "upstream_timeout",
    504,
    "Gateway timeout",
    "The engine did not answer in time.",
    "The engine's server did not answer in time.",
    "Ask again; then look at that server.",
)
UPSTREAM_RATE_LIMITED = Code(
    "upstream_rate_limited",
    503,
    "Unavailable",
    "The engine is over its own limit. Try later.",
    "The engine's server is over its own limit.",
    "Try again after the seconds in Retry-After.",
)
INTERNAL_ERROR = Code(
    "internal_error",
    500,
    "Internal error",
    "Something broke here. The call was not answered.",
    "Something broke in Flowlatch.",
    "Tell its operators the X-Request-Id: their log has the cause under it.",
)

CODES = {code.name: code for code in [*globals().values()] if isinstance(code, Code)}
# The codes that a chatflow's Use it page explains, in this order.
EXPLAINED = (
    INVALID_REQUEST,
    INVALID_BODY,
    MISSING_TOKEN,
    INVALID_TOKEN,
    KEY_NOT_SELECTED,
    CHATFLOW_OFF,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
    UPSTREAM_ERROR,
    UPSTREAM_TIMEOUT,
    UPSTREAM_RATE_LIMITED,
    UNAVAILABLE,
    RESTARTING,
)
