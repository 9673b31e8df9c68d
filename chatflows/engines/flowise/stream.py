"""The event stream of a Flowise server (flowise-wire 2): read events from chunks. Pure."""

import re
from collections.abc import Sequence

from chatflows.access import codes
from chatflows.encoding import encode
from chatflows.engines import upstream
from chatflows.engines.events import Done, Event, Failed, Frame
from chatflows.engines.lines import Message, Messages
from chatflows.engines.upstream import Fault

Aliases = Sequence[tuple[bytes, bytes]]  # our names for things, each with the caller's own

# A token as Flowise writes it, if nothing in its text needs an escape.
_TOKEN = re.compile(r'message:\ndata:\{"event":"token","data":"([^"\\\x00-\x1f]*+)"\}\n\n')
_LENGTH_WITHOUT_TEXT = len('message:\ndata:{"event":"token","data":""}\n\n')
_END = frozenset({b'{"event":"end","data":"[DONE]"}'})
# Events that show something of an answer, beside its tokens.
SHOWING = (
    *("usedTools", "calledTools", "fileAnnotations", "artifacts", "agentReasoning"),
    *("agentFlowExecutedData", "action"),
)


class FlowiseStream:
    """Reads one answer: checks each event, and passes it on as it came."""

    def __init__(self, aliases: Aliases = ()) -> None:
        self._aliases = aliases
        self._our_names = [name.decode() for name, _ in aliases]  # a search in text is quicker
        self._messages = Messages(_END)
        self._has_begun = False
        self._has_answer = False  # something that a person can read or act on
        self._failed: Failed | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that a chunk completes. After Done or Failed, feed no more."""
        tokens = self._tokens(chunk) if self._messages.are_whole else None
        if tokens is not None:
            return [tokens]
        return upstream.events_of(self._messages.feed(chunk), self._of_message)

    def end(self) -> list[Event]:
        """Return the last events, once the upstream has hung up."""
        events = upstream.events_of(self._messages.end(), self._of_message)
        return events if upstream.are_over(events) else [*events, upstream.CUT]

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
        for name in self._our_names:
            if name in said:
                return None
        self._messages.lines.has_begun = self._has_begun = True
        self._has_answer = self._has_answer or bool(text.strip())
        return Frame("token", chunk, text)

    def _of_message(self, message: Message) -> list[Event]:
        """Read one event. Raises Fault for one that no Flowise server sends."""
        body = shown(message.data, self._aliases)
        if not body.strip():
            return []
        value = upstream.load_object(body)
        name, data = value.get("event"), value.get("data")
        if not isinstance(name, str):
            raise Fault(upstream.INVALID)
        if name == "end":
            return [self._failed or (Done() if self._has_answer else upstream.EMPTY)]
        text = data if name in ("token", "error") and isinstance(data, str) else ""
        if name == "error":
            if not self._has_begun and text.endswith("Unauthorized"):
                return [upstream.UNAUTHORIZED]
            self._failed = Failed(codes.UPSTREAM_ERROR, text, is_told=True)
        elif name == "abort":  # somebody stopped the run at the upstream
            self._failed = Failed(codes.UPSTREAM_CUT, is_told=True)
        else:
            shows = bool(text.strip()) or (name in SHOWING and bool(data))
            self._has_answer = self._has_answer or shows
        self._has_begun = True
        if b"\n" in body:  # data of several lines
            body = encode(value)
        return [Frame(name, b"message:\ndata:" + body + b"\n\n", text, data)]


def shown(body: bytes, aliases: Aliases) -> bytes:
    """Return what the caller may see: its own names for the conversation."""
    for name, alias in aliases:
        body = body.replace(name, alias)
    return body
