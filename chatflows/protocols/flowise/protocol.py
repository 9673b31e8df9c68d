"""Flowise's protocol: JSON answers and event streams (flowise-wire, sections 1 and 2). Pure."""

from chatflows.access.codes import Code
from chatflows.protocols.flowise import errors, frames


class Flowise:
    """See ClientProtocol."""

    error = staticmethod(errors.error)
    whole = staticmethod(frames.whole)
    event = staticmethod(frames.of_event)
    last = staticmethod(frames.last)

    def broken(self, code: Code, detail: str = "") -> bytes:
        """See ClientProtocol."""
        return frames.frame("error", detail or code.sentence)

    def aborted(self) -> bytes:
        """See ClientProtocol."""
        return frames.ABORT + frames.END


FLOWISE = Flowise()
