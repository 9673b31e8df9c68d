"""What each protocol must be able to write for its clients."""

from typing import Any, NamedTuple, Protocol

from chatflows.access.codes import Code
from chatflows.engines import Event, Failed
from chatflows.predictions import Prediction

JSON = b"application/json"
PROBLEM_JSON = b"application/problem+json"
PLAIN = b"text/plain; charset=utf-8"
EVENT_STREAM = b"text/event-stream"
HEARTBEAT = b":heartbeat\n\n"  # a comment of an event stream, in each protocol


class Body(NamedTuple):
    """The body of a response and its media type."""

    media_type: bytes
    content: bytes


class ClientProtocol(Protocol):
    """Writes answers and errors for one family of clients.

    Methods that return bytes are for streams.
    """

    def error(self, code: Code, detail: str, request_id: str, accept: bytes = b"") -> Body:
        """Write an error response. `detail` replaces the code's sentence unless it is empty."""

    def whole(self, prediction: Prediction) -> dict[str, Any]:
        """Write an answer in one piece, as JSON."""

    def event(self, prediction: Prediction, event: Event) -> bytes:
        """Write one event, or no bytes for an event that these clients don't know."""

    def missing(self, prediction: Prediction) -> Failed | None:
        """Return why an answer that is complete can't be shown to these clients, if so."""

    def last(self, prediction: Prediction) -> bytes:
        """Write the end of a stream. A broken answer never ends as a whole one does."""

    def broken(self, code: Code, detail: str = "") -> bytes:
        """Write why a stream ends before its answer is whole."""

    def aborted(self) -> bytes:
        """Write the end of a stream that its caller stopped."""
