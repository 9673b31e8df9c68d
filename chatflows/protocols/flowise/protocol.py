"""Flowise's protocol: JSON answers and event streams (flowise-wire, sections 1 and 2). Pure."""

from chatflows.access.codes import Code
from chatflows.engines import Failed
from chatflows.predictions import Prediction
from chatflows.protocols.client import PROBLEM_JSON, Body
from chatflows.protocols.flowise import errors, frames


class Flowise:
    """See ClientProtocol."""

    error = staticmethod(errors.error)
    whole = staticmethod(frames.whole)
    event = staticmethod(frames.of_event)
    last = staticmethod(frames.last)

    def missing(self, prediction: Prediction) -> Failed | None:
        """See ClientProtocol. Flowise's clients are shown all that Flowise says."""
        return None

    def broken(self, code: Code, detail: str = "") -> bytes:
        """See ClientProtocol."""
        return frames.frame("error", detail or code.sentence)

    def aborted(self) -> bytes:
        """See ClientProtocol."""
        return frames.ABORT + frames.END


class Management(Flowise):
    """How the gate refuses a request to the management API before Django reads it."""

    @staticmethod
    def error(code: Code, detail: str, request_id: str, accept: bytes = b"") -> Body:
        """Write a problem, whatever the client accepts."""
        return errors.error(code, detail, request_id, PROBLEM_JSON)


FLOWISE, MANAGEMENT = Flowise(), Management()
