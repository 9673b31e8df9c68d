"""Frames: events as Flowise's clients read them (flowise-wire 2), and whole answers. Pure."""

from typing import Any

from chatflows.encoding import encode
from chatflows.engines import (
    Event,
    Failed,
    Frame,
    Heartbeat,
    Sources,
    Token,
    Usage,
    Whole,
)
from chatflows.predictions.prediction import Prediction
from chatflows.protocols.client import HEARTBEAT


def frame(event: str, data: object) -> bytes:
    """Write one server-sent event in Flowise's form (flowise-wire 2.1)."""
    return b"message:\ndata:" + encode({"event": event, "data": data}) + b"\n\n"


END = frame("end", "[DONE]")
ABORT = frame("abort", "[DONE]")
# The fields of a whole answer that have their own event, and those that go into `metadata`.
_TOLD = (
    "sourceDocuments",
    "usedTools",
    "fileAnnotations",
    "artifacts",
    "agentReasoning",
    "agentFlowExecutedData",
    "action",
)
_METADATA = (
    "chatId",
    "chatMessageId",
    "question",
    "sessionId",
    "memoryType",
    "followUpPrompts",
    "flowVariables",
)


def of_event(prediction: Prediction, event: Event) -> bytes:  # noqa: PLR0911 (a table)
    """Write the frames of one event. One that only ends the answer has none."""
    match event:
        case Frame(raw=raw):
            return raw
        case Token(text) if prediction.pieces == 1:
            return frame("start", text) + frame("token", text)
        case Token(text):
            return frame("token", text)
        case Sources(documents):
            return frame("sourceDocuments", documents)
        case Usage():
            return frame("usageMetadata", _usage(event))
        case Heartbeat():
            return HEARTBEAT
        case Whole():
            return _of_whole(event)
        case Failed(detail=detail, is_told=False):
            return frame("error", detail)
        case _:
            return b""


def last(prediction: Prediction) -> bytes:
    """Write the end of a stream.

    What broke off has no `end`. What failed before its first word has one, as Flowise's own errors.
    """
    if prediction.is_complete:
        return (b"" if prediction.has_metadata else _metadata(prediction)) + END
    failure = prediction.failure
    return END if failure is not None and (failure.is_told or not prediction.pieces) else b""


def whole(prediction: Prediction) -> dict[str, Any]:
    """Return a whole answer (flowise-wire 1.3): the upstream's own, or one made of the events."""
    if prediction.whole is not None:
        return prediction.whole
    value: dict[str, Any] = {"text": prediction.text, **_names(prediction)}
    if prediction.sources:
        value["sourceDocuments"] = list(prediction.sources)
    if prediction.usage is not None:
        value["usageMetadata"] = _usage(prediction.usage)
    return value


def _metadata(prediction: Prediction) -> bytes:
    value = prediction.whole
    if value is None:
        return frame("metadata", _names(prediction))
    return frame("metadata", {name: value[name] for name in _METADATA if name in value})


def _names(prediction: Prediction) -> dict[str, str]:
    return {
        "question": prediction.question.text,
        "chatId": prediction.chat_id,
        "chatMessageId": prediction.message_id,
        "sessionId": prediction.question.session_id or prediction.chat_id,
    }


def _of_whole(whole: Whole) -> bytes:
    value = whole.value
    told = [frame(name, value[name]) for name in _TOLD if value.get(name)]
    return b"".join([frame("start", whole.text), frame("token", whole.text), *told])


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.prompt_tokens,
        "output_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
