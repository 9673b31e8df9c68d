"""Compression of pages, but for those that show a secret (docs/adr/0017)."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressionMiddleware(GZipMiddleware):
    """Compress pages for browsers that take gzip. All else is sent as it is."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Return the answer, compressed if it may be."""
        return (
            super().process_response(request, response) if may_be(request, response) else response
        )


def may_be(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether an answer may be compressed: an HTML page of a view that shows no secret.

    Who can send a browser to a page, put text of their own on it and see how long the answer is,
    could otherwise read a secret from that length (BREACH). A stream is left alone too, because
    compression would hold its pieces back.
    """
    if response.streaming or not response.headers.get("Content-Type", "").startswith("text/html"):
        return False
    match = request.resolver_match
    return match is None or not getattr(match.func, "shows_secret", False)
