"""Flowise's protocol: JSON answers and event streams (flowise-wire, sections 1 and 2). Pure."""

from chatflows.access.codes import Code
from chatflows.engines import Failed
from chatflows.predictions import Prediction
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


FLOWISE = Flowise()
