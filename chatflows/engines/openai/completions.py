"""Chat completions as OpenAI-compatible servers write them: read the text and the end. Pure."""

from typing import Any

from chatflows.access import codes
from chatflows.engines import upstream
from chatflows.engines.events import Done, Event, Failed, Token, Usage
from chatflows.engines.lines import Message, Messages
from chatflows.engines.upstream import Fault

_DONE = frozenset({b"[DONE]"})
_TEXTS = ("text", "output_text", "")  # the types of parts whose text belongs to the answer
# What stands beside an answer's content and is no text of it.
_BESIDE = ("reasoning_content", "reasoning", "audio", "images")

# Why an answer ended, as servers say it: OpenAI, Azure, OpenRouter, Mistral, DeepSeek, Zhipu,
# DashScope, Gemini, Cohere, Bedrock, watsonx, Anthropic, TGI, vLLM, SGLang, llama.cpp. In lower
# case, without what stands behind a colon.
_NOT_YET = frozenset({"", "null", "none", "not_finished"})  # said while the answer goes on
_WHOLE = frozenset(
    (
        *("stop", "stopped", "stop_sequence", "stop_token", "stop_string", "stop_str"),
        *("eos", "eos_token", "end", "end_turn", "end_of_turn", "endoftext"),
        *("complete", "completed", "done", "finish", "finished", "success", "normal"),
    )
)
_CUT_BY = {
    **dict.fromkeys(
        (
            *("length", "model_length", "max_length", "context_length", "limit", "token_limit"),
            *("max_tokens", "max_output_tokens", "max_completion_tokens", "error_limit"),
            *("model_context_window_exceeded", "context_length_exceeded"),
        ),
        "length",
    ),
    **dict.fromkeys(
        (
            *("content_filter", "content_filtered", "guardrail_intervened", "sensitive"),
            *("safety", "recitation", "blocklist", "prohibited_content", "spii", "error_toxic"),
            *("refusal", "image_safety", "data_inspection_failed"),
        ),
        "content_filter",
    ),
}
# Why an answer is none. A success would be an empty text, or half of one.
FILTERED = Failed(codes.UPSTREAM_INVALID, "The engine's content filter held the answer back.")
NO_TOKENS_LEFT = Failed(
    codes.UPSTREAM_INVALID, "The engine reached its limit of tokens before its answer began."
)
WANTS_TOOL = Failed(
    codes.UPSTREAM_INVALID, "The engine asks for a tool in place of an answer. There is none."
)
NO_TEXT = Failed(codes.UPSTREAM_INVALID, "The engine's answer holds no text.")
ODD_END = Failed(
    codes.UPSTREAM_INVALID, "The engine ended its answer for a reason that is not known here."
)

_NOTHING = {"content_filter": FILTERED, "length": NO_TOKENS_LEFT}
_FAILED = {
    **dict.fromkeys(
        (
            *("abort", "aborted", "cancel", "cancelled", "canceled", "user_cancel", "incomplete"),
            *("timeout", "time_limit", "network_error", "interrupted"),
            "insufficient_system_resource",
        ),
        upstream.CUT,
    ),
    **dict.fromkeys(
        ("error", "failed", "failure", "other", "language", "malformed_function_call"),
        upstream.ERROR,
    ),
    **dict.fromkeys(("tool_calls", "tool_call", "function_call", "tool_use"), WANTS_TOOL),
}


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
        if upstream.are_over(events):
            return events
        return [*events, self._answer.last_word() if self._answer.reason else upstream.CUT]

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
        self.reason = ""  # why the model is done
        self._has_text = False
        self._left_out = False  # something came that is no text
        self._wants_tool = False

    def hear(self, value: dict[str, Any], name: str) -> str:
        """Return the text of one object; `name` is where the message stands. Raises Fault."""
        if value.get("error") or value.get("object") == "error" or value.get("type") == "error":
            raise Fault(upstream.ERROR)
        text = ""
        for choice in _choices(value):
            if choice.get("error"):  # OpenRouter's
                raise Fault(upstream.ERROR)
            self._hear_reason(choice.get("finish_reason"))
            text += self._text_of(choice, name)
        self._has_text = self._has_text or bool(text.strip())
        return text

    def last_word(self) -> Done | Failed:
        """Return how the answer ends: as a success only if it has text and is whole or says so.

        An unknown reason is a failure. Servers agree on how a whole answer ends and differ in what
        interrupts one, so a new word is more likely an interruption, and half an answer that passes
        for a whole one does more harm than a whole one with an error behind it. A tool that the
        model asks for is not run by anybody, so the text before it is not the answer.
        """
        cut_by = _CUT_BY.get(self.reason)
        if cut_by is not None:
            return Done(finish_reason=cut_by) if self._has_text else _NOTHING[cut_by]
        if self.reason and self.reason not in _WHOLE:
            return _FAILED.get(self.reason, ODD_END)
        if self._wants_tool:
            return WANTS_TOOL
        if self._has_text:
            return Done()
        return NO_TEXT if self._left_out else upstream.EMPTY

    def _hear_reason(self, said: object) -> None:
        """Keep why the answer ended. What is no end in order is not taken back by one behind it."""
        if not isinstance(said, str):
            return
        reason = said.partition(":")[0].strip().lower()
        if reason not in _NOT_YET and (reason not in _WHOLE or not self.reason):
            self.reason = reason

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
        if any(map(message.get, _BESIDE)):
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


def _choices(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what belongs to the one answer that was asked for. Some servers do not number it."""
    choices = value.get("choices")
    if not isinstance(choices, list):
        return []
    return [each for each in choices if isinstance(each, dict) and each.get("index") in (None, 0)]


def _usage(value: dict[str, Any]) -> list[Event]:
    usage = value.get("usage")
    if not isinstance(usage, dict):
        return []
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    numbers = [count for count in counts if isinstance(count, int) and 0 <= count < 2**31]
    return [Usage(*numbers)] if len(numbers) == 2 else []
