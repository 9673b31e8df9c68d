"""OpenAI's chat completions on the wire: chunks, whole answers, and the list of models."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chatflows import predictions
from chatflows.engines import (
    Event,
    Failed,
    Frame,
    Heartbeat,
    Message,
    Question,
    Token,
    Usage,
    Whole,
)
from chatflows.gate import responses
from chatflows.gate.readers.facts import Model
from chatflows.gate.requests import GateRequest
from chatflows.gate.verdicts import Verdict
from chatflows.predictions.prediction import Prediction
from chatflows.protocols.encoding import encode
from chatflows.protocols.flowise import frames
from chatflows.protocols.openai import bodies

DONE = b"data: [DONE]\n\n"
OWNER = "flowlatch"
# Flowise's words for who said what; its flows have system prompts of their own.
FLOWISE_ROLES = {"user": "userMessage", "assistant": "apiMessage"}


def models(found: Sequence[Model]) -> dict[str, Any]:
    """The list of models, which are chatflows; `name` is ours, and shown by some clients."""
    return {
        "object": "list",
        "data": [
            {
                "id": str(model.chatflow_id),
                "object": "model",
                "created": int(model.created_at.timestamp()),
                "owned_by": OWNER,
                "name": model.name,
            }
            for model in found
        ],
    }


@dataclass(slots=True)
class OpenAIWire:
    """See Wire. `body` is the request's, read but for its messages."""

    model: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    has_usage: bool = field(default=False, init=False)
    created: int = field(default_factory=lambda: int(time.time()), init=False)
    error = staticmethod(responses.openai_error)

    async def question(self, request: GateRequest, verdict: Verdict) -> Question | None:
        """See Wire. The conversation is what the caller sends: nothing is remembered here."""
        assert verdict.facts.chatflow is not None
        completion = bodies.read(self.body)
        self.has_usage = completion.has_usage
        asked = predictions.begin(completion.question, "").asked
        return asked._replace(
            thread_id=predictions.thread_id(
                verdict.facts.chatflow.id, verdict.caller, asked.chat_id
            ),
            is_streaming=completion.is_streaming,
            messages=completion.messages,
            fields={"history": _flowise_history(completion.messages)},
        )

    def whole(self, prediction: Prediction) -> dict[str, Any]:
        """See Wire. No `usage` where nobody counted."""
        message = {"role": "assistant", "content": frames.text(prediction), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        usage = {"usage": _usage(prediction.usage)} if prediction.usage is not None else {}
        return {**self._head(prediction, "chat.completion"), "choices": [choice], **usage}

    def of_event(self, prediction: Prediction, event: Event) -> bytes:
        """See Wire. What has no place in a chunk is left out."""
        match event:
            case Token(text) | Frame(name="token", text=text):
                return self._text(prediction, text)
            case Whole():
                return self._text(prediction, frames.text(prediction))
            case Heartbeat():
                return frames.HEARTBEAT
            case Failed(status=status, code=code, detail=detail):
                return _error(status, code, detail)
            case _:
                return b""

    def last(self, prediction: Prediction) -> bytes:
        """See Wire."""
        if not prediction.is_complete:
            return b""
        role = b"" if prediction.pieces else self._chunk(prediction, {"role": "assistant"})
        end = role + self._chunk(prediction, {}, "stop")
        if self.has_usage and prediction.usage is not None:
            usage = {"choices": [], "usage": _usage(prediction.usage)}
            end += _data({**self._head(prediction, "chat.completion.chunk"), **usage})
        return end + DONE

    def broken(self, code: str, sentence: str) -> bytes:
        """See Wire."""
        return _error(403, code, sentence)

    def aborted(self) -> bytes:
        """See Wire: without the end that a whole answer has."""
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
            "id": f"chatcmpl-{prediction.message_id.hex}",
            "object": kind,
            "created": self.created,
            "model": self.model,
        }


def _flowise_history(messages: Sequence[Message]) -> list[dict[str, str]]:
    last = max(place for place, message in enumerate(messages) if message.role == "user")
    before = [*messages[:last], *messages[last + 1 :]]
    told = [message for message in before if message.role in FLOWISE_ROLES]
    return [{"role": FLOWISE_ROLES[m.role], "content": m.text} for m in told]


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _error(status: int, code: str, sentence: str) -> bytes:
    return _data(responses.openai_error_body(status, code, sentence))


def _data(value: dict[str, Any]) -> bytes:
    return b"data: " + encode(value) + b"\n\n"
