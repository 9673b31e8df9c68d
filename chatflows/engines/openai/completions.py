"""Chat completions as OpenAI-compatible servers write them: read the text and the end. Pure."""

from typing import Any

from chatflows.access import codes
from chatflows.engines import upstream
from chatflows.engines.events import Done, Event, Failed, Token, Usage
from chatflows.engines.lines import Message, Messages
from chatflows.engines.upstream import Fault

_DONE = frozenset({b"[DONE]"})
_TEXTS = ("text", "output_text", "")  # the types of parts whose text belongs to the answer
_CUT_BY = {"length": "length", "model_length": "length", "max_tokens": "length"}
_CUT_BY["content_filter"] = "content_filter"

# Why an answer without a word of text is none. A success would be an empty text.
FILTERED = Failed(codes.UPSTREAM_INVALID, "The upstream's content filter held the answer back.")
NO_TOKENS_LEFT = Failed(
    codes.UPSTREAM_INVALID, "The upstream reached its limit of tokens before its answer began."
)
WANTS_TOOL = Failed(
    codes.UPSTREAM_INVALID, "The upstream asks for a tool in place of an answer. There is none."
)
NO_TEXT = Failed(codes.UPSTREAM_INVALID, "The upstream's answer holds no text.")


class CompletionStream:
    """Reads the chunks of one chat completion."""

    def __init__(self) -> None:
        self._answer = _Answer()
        self._messages = Messages(_DONE)

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that a chunk completes. After Done or Failed, feed no more."""
        return upstream.events_of(self._messages.feed(chunk), self._of_message)

    def end(self) -> list[Event]:
        """Return the last events, once the upstream has hung up. Some servers send no [DONE]."""
        events = upstream.events_of(self._messages.end(), self._of_message)
        if events:
            return events
        return [self._answer.last_word() if self._answer.finish_reason else upstream.CUT]

    def _of_message(self, message: Message) -> list[Event]:
        data = message.data
        if data in _DONE:
            return [self._answer.last_word()]
        if not data.strip():
            return []
        value = upstream.load_object(data)
        if message.name == b"error":
            raise Fault(upstream.ERROR)
        text = self._answer.hear(value, "delta")
        usage = _usage(value)
        return [Token(text), *usage] if text else usage


def whole(value: dict[str, Any]) -> list[Event]:
    """Return the events of a completion in one piece. Raises Fault."""
    answer = _Answer()
    text = answer.hear(value, "message")
    last = answer.last_word()
    return [Token(text), *_usage(value), last] if isinstance(last, Done) else [last]


class _Answer:
    """What has come of one answer, and whether it is one."""

    def __init__(self) -> None:
        self.finish_reason = ""  # the model is done
        self._has_text = False
        self._left_out = False  # something came that is no text
        self._wants_tool = False

    def hear(self, value: dict[str, Any], name: str) -> str:
        """Return the text of one object; `name` is where the message stands. Raises Fault."""
        if value.get("error") or value.get("object") == "error" or value.get("type") == "error":
            raise Fault(upstream.ERROR)
        choice = _choice(value)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            if reason == "error":
                raise Fault(upstream.ERROR)
            self.finish_reason = reason
        text = self._text_of(choice, name)
        self._has_text = self._has_text or bool(text.strip())
        return text

    def last_word(self) -> Done | Failed:
        """Return how the answer ends: as a success only if it has text."""
        cut_by = _CUT_BY.get(self.finish_reason)
        if self._has_text:
            return Done(finish_reason=cut_by or "stop")
        if cut_by is not None:
            return FILTERED if cut_by == "content_filter" else NO_TOKENS_LEFT
        if self._wants_tool:
            return WANTS_TOOL
        return NO_TEXT if self._left_out else upstream.EMPTY

    def _text_of(self, choice: dict[str, Any], name: str) -> str:
        message = choice.get(name)
        if not isinstance(message, dict):
            # Completions of the older kind; or a stream that ends in the message as a whole.
            if isinstance(text := choice.get("text"), str):
                return text
            message = choice.get("message")
            if self._has_text or not isinstance(message, dict):
                return ""
        content, refusal = message.get("content"), message.get("refusal")
        if message.get("tool_calls") or message.get("function_call"):
            self._wants_tool = True
        text = content if isinstance(content, str) else self._joined(content)
        if message.get("reasoning_content") or message.get("reasoning"):
            self._left_out = True
        return text + refusal if isinstance(refusal, str) else text

    def _joined(self, content: object) -> str:
        """Return the text of an answer in parts. What is no text of the answer is left out."""
        if content is None:
            return ""
        texts = []
        for part in content if isinstance(content, list) else [content]:
            text = _of_part(part)
            if text is None:
                self._left_out = True
            else:
                texts.append(text)
        return "".join(texts)


def _of_part(part: object) -> str | None:
    if not isinstance(part, dict):
        return part if isinstance(part, str) else None
    kind = part.get("type", "")
    text = part.get("refusal") if kind == "refusal" else part.get("text")
    return text if kind in (*_TEXTS, "refusal") and isinstance(text, str) else None


def _choice(value: dict[str, Any]) -> dict[str, Any]:
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _usage(value: dict[str, Any]) -> list[Event]:
    usage = value.get("usage")
    if not isinstance(usage, dict):
        return []
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    numbers = [count for count in counts if isinstance(count, int) and 0 <= count < 2**31]
    return [Usage(*numbers)] if len(numbers) == 2 else []
