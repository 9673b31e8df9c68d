"""OpenAI's protocol: chat completions as chunks and as whole answers. Pure."""

import time
from dataclasses import dataclass, field
from typing import Any

from chatflows.access import codes
from chatflows.access.codes import Code
from chatflows.encoding import encode
from chatflows.engines import Event, Failed, Frame, Token, Usage, Whole
from chatflows.predictions import Prediction
from chatflows.protocols.openai import errors

DONE = b"data: [DONE]\n\n"
NOT_COUNTED = Usage(0, 0)
NO_TEXT = Failed(codes.UPSTREAM_INVALID, "The engine's answer holds no text.")


@dataclass(slots=True)
class OpenAI:
    """See ClientProtocol. `model` is the chatflow as the caller names it."""

    model: str = ""
    has_usage: bool = False  # the stream ends with a chunk that counts the tokens
    created: int = field(default_factory=lambda: int(time.time()), init=False)
    error = staticmethod(errors.error)

    def whole(self, prediction: Prediction) -> dict[str, Any]:
        """See ClientProtocol."""
        text = prediction.text if prediction.whole is None else Whole(prediction.whole).text
        message = {"role": "assistant", "content": text, "refusal": None}
        finish = prediction.finish_reason
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        head = self._head(prediction, "chat.completion")
        return {**head, "choices": [choice], "usage": _usage(prediction.usage)}

    def event(self, prediction: Prediction, event: Event) -> bytes:
        """See ClientProtocol. Events that have no place in a chunk are left out."""
        match event:
            case Token(text) | Frame(name="token", text=text):
                return self._text(prediction, text)
            case Whole():
                return self._text(prediction, event.text)
            case Failed(code=code, detail=detail):
                return self.broken(code, detail)
            case _:
                return b""

    def missing(self, prediction: Prediction) -> Failed | None:
        """See ClientProtocol. Tools, artifacts and the like have no place in a completion."""
        return None if prediction.text.strip() else NO_TEXT

    def last(self, prediction: Prediction) -> bytes:
        """See ClientProtocol."""
        if not prediction.is_complete:
            return b""
        role = b"" if prediction.pieces else self._chunk(prediction, {"role": "assistant"})
        end = role + self._chunk(prediction, {}, prediction.finish_reason)
        if self.has_usage:
            usage = {"choices": [], "usage": _usage(prediction.usage)}
            end += _data({**self._head(prediction, "chat.completion.chunk"), **usage})
        return end + DONE

    def broken(self, code: Code, detail: str = "") -> bytes:
        """See ClientProtocol."""
        return _data(errors.value(code, detail))

    def aborted(self) -> bytes:
        """See ClientProtocol. Nothing is written: a stopped answer has no [DONE]."""
        return b""

    def _text(self, prediction: Prediction, text: str) -> bytes:
        is_first = prediction.pieces == 1
        start = {"role": "assistant", "content": ""}
        role = self._chunk(prediction, start) if is_first else b""
        return role + self._chunk(prediction, {"content": text})

    def _chunk(
        self, prediction: Prediction, delta: dict[str, str], finish: str | None = None
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if self.has_usage else {}
        head = self._head(prediction, "chat.completion.chunk")
        return _data({**head, "choices": [choice], **usage})

    def _head(self, prediction: Prediction, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{prediction.message_id.replace('-', '')}",
            "object": kind,
            "created": self.created,
            "model": self.model,
        }


def _usage(counted: Usage | None) -> dict[str, int]:
    """Return what the upstream counted, and zeros where nobody did: clients rely on numbers."""
    usage = counted or NOT_COUNTED
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _data(value: dict[str, Any]) -> bytes:
    return b"data: " + encode(value) + b"\n\n"
