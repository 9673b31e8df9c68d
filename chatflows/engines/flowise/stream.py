"""The event stream of a Flowise server (flowise-wire 2): read events from chunks. Pure."""

import re
from collections.abc import Sequence

from chatflows.access import codes
from chatflows.encoding import encode
from chatflows.engines import upstream
from chatflows.engines.events import Done, Event, Failed, Frame, Heartbeat
from chatflows.engines.lines import Lines
from chatflows.engines.upstream import Fault

Hidden = Sequence[tuple[bytes, bytes]]  # what the caller must not see, each with what replaces it

# A token as Flowise writes it, if nothing in its text needs an escape.
_TOKEN = re.compile(r'message:\ndata:\{"event":"token","data":"([^"\\\x00-\x1f]*+)"\}\n\n')
_LENGTH_WITHOUT_TEXT = len('message:\ndata:{"event":"token","data":""}\n\n')
_FIELDS = {b"message", b"event", b"id", b"retry"}


class FlowiseStream:
    """Reads one answer: checks each event, and passes it on as it came."""

    def __init__(self, hidden: Hidden = ()) -> None:
        self._hidden = hidden
        self._hidden_names = [name.decode() for name, _ in hidden]  # a search in text is quicker
        self._lines = Lines()
        self._has_begun = False
        self._failed: Failed | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that a chunk completes. After Done or Failed, feed no more."""
        tokens = self._tokens(chunk) if self._lines.are_whole else None
        if tokens is not None:
            return [tokens]
        return upstream.events_of(self._lines, chunk, self._of_line)

    def _tokens(self, chunk: bytes) -> Frame | None:
        """Read a chunk that holds whole tokens only, as nearly all do, without parsing JSON."""
        try:
            said = chunk.decode()
        except UnicodeDecodeError:
            return None
        texts = _TOKEN.findall(said)
        text = texts[0] if len(texts) == 1 else "".join(texts)
        if len(text) + len(texts) * _LENGTH_WITHOUT_TEXT != len(said):
            return None
        for name in self._hidden_names:
            if name in said:
                return None
        self._has_begun = True
        return Frame("token", chunk, text)

    def _of_line(self, line: bytes) -> list[Event]:
        """Read one line. Raises Fault for one that no Flowise server sends."""
        if line.startswith(b"data:"):
            return [self._of_data(line[5:].strip())]
        if line.startswith(b":"):
            return [Heartbeat()]
        if line and line.partition(b":")[0] not in _FIELDS:
            raise Fault(upstream.INVALID)
        return []

    def _of_data(self, body: bytes) -> Event:
        body = shown(body, self._hidden)
        value = upstream.load_object(body)
        name, data = value.get("event"), value.get("data")
        if not isinstance(name, str):
            raise Fault(upstream.INVALID)
        if name == "end":
            return self._failed or Done()
        text = data if name in ("token", "error") and isinstance(data, str) else ""
        if name == "error":
            if not self._has_begun and text.endswith("Unauthorized"):
                return upstream.UNAUTHORIZED
            self._failed = Failed(codes.UPSTREAM_ERROR, text, is_told=True)
        self._has_begun = True
        if b"\r" in body:  # some readers take it for the end of a line, in the middle of a frame
            body = encode(value)
        return Frame(name, b"message:\ndata:" + body + b"\n\n", text, data)


def shown(body: bytes, hidden: Hidden) -> bytes:
    """Return what the caller may see: its own names for the conversation, and never our key."""
    for name, stand_in in hidden:
        body = body.replace(name, stand_in)
    return body
