"""Prediction bodies: read and check them, with errors that name the field. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from chatflows.engines.events import NO_FIELDS
from chatflows.protocols.json_bodies import InvalidBody, load_object

MAX_CHAT_ID_LENGTH = 255  # characters
# With one of these a question may be empty (flowise-wire 1.2).
STAND_INS = ("form", "humanInput", "action", "uploads")
PASSED_ON = (*STAND_INS, "history", "leadEmail")
OVERRIDABLE = ("vars",)  # beside sessionId, which has a rule of its own


class PredictionBody(NamedTuple):
    """The fields that we read of Flowise's IncomingInput. Others are ignored, as in Flowise."""

    question: str
    chat_id: str  # empty begins a conversation
    streaming: bool  # as Flowise, which streams for true and "true" alone
    session_id: str = ""  # empty if none was named
    # The other fields that go upstream: PASSED_ON, and of overrideConfig the OVERRIDABLE ones.
    fields: Mapping[str, Any] = NO_FIELDS


def parse(
    body: bytes | bytearray, *, may_ask_nothing: bool = False, may_override: bool = True
) -> PredictionBody:
    """Read a prediction from JSON; see `read`."""
    value = load_object(body)
    return read(value, may_ask_nothing=may_ask_nothing, may_override=may_override)


def read(
    value: Mapping[str, Any], *, may_ask_nothing: bool = False, may_override: bool = True
) -> PredictionBody:
    """Check the fields of a prediction. Raises InvalidBody.

    `may_ask_nothing` takes an empty question and a missing one, as Flowise does. Without
    `may_override` the whole overrideConfig counts as a field that we don't know.
    """
    if not may_override:
        value = {name: each for name, each in value.items() if name != "overrideConfig"}
    return PredictionBody(
        question=_question(value, may_ask_nothing=may_ask_nothing),
        chat_id=_chat_id(value),
        streaming=value.get("streaming") is True or value.get("streaming") == "true",
        session_id=_session_id(value),
        fields=_fields(value),
    )


def _question(value: Mapping[str, Any], *, may_ask_nothing: bool) -> str:
    question = value.get("question")
    if not question and any(value.get(name) for name in STAND_INS):
        return ""
    if question is None:
        if may_ask_nothing:
            return ""
        raise InvalidBody("question is missing.")
    if not isinstance(question, str):
        raise InvalidBody("question must be a string.")
    if not (may_ask_nothing or question.strip()):
        raise InvalidBody("question is empty.")
    return storable("question", question)


def _chat_id(value: Mapping[str, Any]) -> str:
    return _id("chatId", value.get("chatId")) or _session_id(value)


def _session_id(value: Mapping[str, Any]) -> str:
    return _id("overrideConfig.sessionId", _override(value).get("sessionId"))


def _id(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # chats have numbers where some bots come from; in groups negative ones
    if not isinstance(value, str):
        raise InvalidBody(f"{name} must be a string or an integer.")
    if len(value) > MAX_CHAT_ID_LENGTH:
        raise InvalidBody(f"{name} is longer than {MAX_CHAT_ID_LENGTH} characters.")
    return storable(name, value)


def _override(value: Mapping[str, Any]) -> Mapping[str, Any]:
    override = value.get("overrideConfig")
    if override is None:
        return {}
    if not isinstance(override, dict):
        raise InvalidBody("overrideConfig must be an object.")
    return override


def _fields(value: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: value[name] for name in PASSED_ON if value.get(name) is not None}
    override = _override(value)
    allowed = {name: override[name] for name in OVERRIDABLE if override.get(name) is not None}
    return {**fields, "overrideConfig": allowed} if allowed else fields


def storable(name: str, text: str) -> str:
    """Return a text that is kept, unchanged. Raises InvalidBody for NUL: no database takes it."""
    if "\0" in text:
        raise InvalidBody(f"{name} holds a character that is not text.")
    return text
