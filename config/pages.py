"""Pages: Django's handler behind the gate, with one change of threads a page."""

import asyncio

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponseBase

AT_ONCE = 64  # pages that run: threads


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
