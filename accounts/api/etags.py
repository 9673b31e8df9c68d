"""Entity tags: the version of a thing, so that nobody overwrites what they have not seen."""

from django.http import HttpRequest, HttpResponse

from accounts.api.faults import Changed


def of(version: int | str) -> str:
    """Return the strong tag of a version (RFC 9110, 8.8.3)."""
    return f'"{version}"'


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
        raise Changed("This was changed since you read it. Read it again, then change it.")
