"""The event stream of a Flowise server (flowise-wire 2): chunks in, events out. Pure."""

import re
from collections.abc import Sequence

from chatflows.access import codes
from chatflows.encoding import encode
from chatflows.engines import upstream
from chatflows.engines.events import Done, Event, Failed, Frame, Heartbeat
from chatflows.engines.lines import Lines
from chatflows.engines.upstream import Fault

Hidden = Sequence[tuple[bytes, bytes]]  # what must not be told, and what stands in its place

# A token as Flowise writes it, where nothing in its text needs an escape.
_TOKEN = re.compile(r'message:\ndata:\{"event":"token","data":"([^"\\\x00-\x1f]*+)"\}\n\n')
_LENGTH_WITHOUT_TEXT = len('message:\ndata:{"event":"token","data":""}\n\n')
_FIELDS = {b"message", b"event", b"id", b"retry"}


class FlowiseStream:
    """Reads one answer: checks that every event is one, and passes it on as it came."""

    def __init__(self, hidden: Hidden = ()) -> None:
        self._hidden = hidden
        self._hidden_names = [name.decode() for name, _ in hidden]  # a search in text is quicker
        self._lines = Lines()
        self._has_begun = False
        self._failed: Failed | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """What a chunk completes. After Done or Failed, which is then the last, feed no more."""
        tokens = self._tokens(chunk) if self._lines.are_whole else None
        if tokens is not None:
            return [tokens]
        return upstream.events_of(self._lines, chunk, self._of_line)

    def _tokens(self, chunk: bytes) -> Frame | None:
        """A chunk of whole tokens and nothing else, as nearly all are: no JSON need be read."""
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
        """Raises Fault for what no event stream of a Flowise server holds."""
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
        if b"\r" in body:  # a line's end to some readers, in the middle of the frame
            body = encode(value)
        return Frame(name, b"message:\ndata:" + body + b"\n\n", text, data)


def shown(body: bytes, hidden: Hidden) -> bytes:
    """What the caller may see: its own names for the conversation, and never our key."""
    for name, stand_in in hidden:
        body = body.replace(name, stand_in)
    return body
