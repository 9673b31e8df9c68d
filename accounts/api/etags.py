"""Entity tags: the version of a thing, so that nobody overwrites what they have not seen."""

from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from pydantic import BaseModel

from accounts.api.faults import Changed, Conflict, Fault

CHANGED = "This was changed since you read it. Read it again, then change it."


def of(version: int | str) -> str:
    """Return the strong tag of a version (RFC 9110, 8.8.3)."""
    return f'"{version}"'


def of_shown(shown: BaseModel) -> str:
    """Return the tag of a thing without a version: a digest of what is shown of it."""
    return sha256(shown.model_dump_json().encode()).hexdigest()[:16]


def mark(response: HttpResponse, version: int | str) -> None:
    """Put the tag of a version on an answer."""
    response.headers["ETag"] = of(version)


def check(request: HttpRequest, version: int | str) -> None:
    """Raise Changed if the request names other versions in If-Match. Without it all is well.

    A weak tag never matches (RFC 9110, 13.1.1).
    """
    named = request.headers.get("If-Match", "").strip()
    if not named or named == "*":
        return
    if of(version) not in [tag.strip() for tag in named.split(",")]:
        raise Changed(CHANGED)


def meanwhile(request: HttpRequest) -> Fault:
    """Return what to raise for a thing that somebody changed between two looks of one request."""
    if "If-Match" in request.headers:
        return Changed(CHANGED)
    return Conflict("Somebody else changed this at the same time. Send it again.")
