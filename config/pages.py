"""Pages: Django's handler behind the gate, with one change of threads a page, and static files."""

import asyncio
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponseBase
from servestatic import ServeStaticASGI

AT_ONCE = 64  # pages that run: threads
STATIC_MAX_AGE = 60  # seconds, for the few files without a hash in their names
HASH_LENGTH = 12  # characters that ManifestStaticFilesStorage puts before the extension


class PagesHandler(ASGIHandler):
    """Runs the whole chain of middleware and view in one thread.

    All our pages are sync. Django's own handler would change between the event loop and a thread
    at each middleware. So a page is a thread, and only so many run at once.
    """

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Run the middleware and the view in the request's thread, when it is their turn."""
        async with self._turns:
            response = await sync_to_async(self.get_response, thread_sensitive=True)(request)
        place = getattr(request, "scope", {}).get("place")  # the gate's, among pages that run
        if place is not None:
            place.leave()
        return response


def with_static_files(application: Any) -> Any:
    """Wrap an application in a server of the collected static files."""
    files = ServeStaticASGI(
        application,
        max_age=STATIC_MAX_AGE,
        allow_all_origins=False,
        immutable_file_test=_is_hashed,
        add_headers_function=_add_headers,
    )
    if Path(settings.STATIC_ROOT).is_dir():
        files.add_files(settings.STATIC_ROOT, prefix=settings.STATIC_URL)
    return files


def _is_hashed(path: str, url: str) -> bool:
    parts = url.rpartition("/")[2].split(".")
    return len(parts) > 2 and len(parts[-2]) == HASH_LENGTH


def _add_headers(headers: Any, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
