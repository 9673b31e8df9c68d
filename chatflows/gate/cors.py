"""CORS: what a script in a page of another origin may send, and what it may read. Pure.

No cookie counts at these addresses, so a preflight grants nothing: the key decides, as it does
without a browser. `Access-Control-Allow-Private-Network` is never sent: where only a network keeps
strangers from a public chatflow, a page from outside must not reach over it.
"""

import re
from collections.abc import Iterable

from chatflows.gate.responses import Answer, Headers
from chatflows.gate.verdicts import Verdict

# A script sees only the headers that are named here, and the few that every script sees.
_READABLE = (
    (b"access-control-expose-headers", b"Retry-After, RateLimit, RateLimit-Policy, X-Request-Id"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
# Of everything but an answer of a call that was let in where origins are listed. A refusal holds
# nothing but itself, and a script must be able to show why.
ANYWHERE: Headers = [(b"access-control-allow-origin", b"*"), *_READABLE]

# Of what is no part of the API, such as /livez.
NOT_ELSEWHERE: Headers = [(b"cross-origin-resource-policy", b"same-origin")]

MAX_ASKED = 1024  # bytes that a preflight may ask for,
MAX_ASKED_NAMES = 40  # and names
USUAL = b"authorization, content-type, accept, x-request-id"
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")  # token of RFC 9110, 5.6.2


def of(verdict: Verdict, origins: tuple[str, ...]) -> Headers:
    """Return the headers of a call's answer; `origins` are the Origin headers as sent.

    Where the chatflow or the key lists origins, `decide` let in only a listed one, or none.
    """
    chatflow = verdict.facts.chatflow
    is_bound = verdict.credential.origins or (chatflow is not None and chatflow.origins)
    if not is_bound or not verdict.decision.allowed:
        return ANYWHERE
    allowed = [(b"access-control-allow-origin", origin.encode("latin-1")) for origin in origins]
    return [*allowed, (b"vary", b"Origin"), *_READABLE]


def preflight(asked: Iterable[bytes]) -> Answer:
    """Return the answer to a preflight; `asked` are its Access-Control-Request-Headers."""
    headers = [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        (b"access-control-allow-headers", _allowed(b",".join(asked))),
        (b"access-control-max-age", b"600"),
        (b"vary", b"Access-Control-Request-Headers"),
        (b"cache-control", b"no-store"),
    ]
    return Answer(204, headers, b"")


def _allowed(asked: bytes) -> bytes:
    """Return the names that were asked for, if they are few and well-formed; else the usual."""
    if len(asked) > MAX_ASKED:
        return USUAL
    names = [name for each in asked.lower().split(b",") if (name := each.strip(b" \t"))]
    if not names or len(names) > MAX_ASKED_NAMES or not all(map(_NAME.fullmatch, names)):
        return USUAL
    return b", ".join(names)
