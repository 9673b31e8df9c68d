"""The one refusal of what is tried, asked or sent too often, and its answer: 429, Retry-After."""

from datetime import timedelta
from math import ceil
from typing import TypeVar

from django.http import HttpResponseBase

STATUS = 429
Response = TypeVar("Response", bound=HttpResponseBase)


class TooMany(Exception):
    """Refuse something until `wait` is over. The message says why, in words for the page."""

    def __init__(self, wait: timedelta, words: str = "") -> None:
        super().__init__(words)
        self.wait = wait

    @property
    def retry_after(self) -> int:
        """The wait in whole seconds, rounded up and at least 1."""
        return max(1, ceil(self.wait.total_seconds()))

    def mark(self, response: Response) -> Response:
        """Give a page or a JSON answer the status and the header of this refusal."""
        response.status_code = STATUS
        response.headers["Retry-After"] = str(self.retry_after)
        return response
