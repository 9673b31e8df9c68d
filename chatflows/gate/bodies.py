"""Prediction bodies: bytes to a checked question, with errors that name the field. Pure."""

import json
from dataclasses import dataclass
from typing import Any, NoReturn

MAX_DEPTH = 32  # levels of JSON
MAX_CHAT_ID_LENGTH = 255  # characters
TRUTHS = {True: True, "true": True, False: False, "false": False, None: False}


def _no_constant(_: str) -> NoReturn:
    raise ValueError


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class InvalidBody(Exception):
    """The body is refused; the message helps and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class PredictionBody:
    """What we read of Flowise's IncomingInput; all else in it is ignored, as Flowise does."""

    question: str
    chat_id: str  # empty: begin a conversation
    streaming: bool


def parse(body: bytes) -> PredictionBody:
    """Read a prediction's JSON. Raises InvalidBody."""
    value = _load(body)
    if not isinstance(value, dict):
        raise InvalidBody("The body must be a JSON object.")
    return PredictionBody(
        question=_question(value), chat_id=_chat_id(value), streaming=_streaming(value)
    )


def _load(body: bytes) -> Any:
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidBody("The body is not UTF-8.") from None
    except RecursionError:
        raise InvalidBody(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from None
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        raise InvalidBody(f"The body is not JSON: {what}, character {error.pos}.") from None
    except ValueError:
        raise InvalidBody("The body holds a number that can't be read.") from None
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise InvalidBody(f"The JSON is nested deeper than {MAX_DEPTH} levels.")


def _children(value: Any) -> list[Any]:
    children = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return []
    return [child for child in children if isinstance(child, dict | list)]


def _question(value: dict[str, Any]) -> str:
    question = value.get("question")
    if question is None:
        raise InvalidBody("question is missing.")
    if not isinstance(question, str):
        raise InvalidBody("question must be a string.")
    if not question.strip():
        raise InvalidBody("question is empty.")
    return _clean("question", question)


def _chat_id(value: dict[str, Any]) -> str:
    override = value.get("overrideConfig")
    if override is not None and not isinstance(override, dict):
        raise InvalidBody("overrideConfig must be an object.")
    chat_id = value.get("chatId")
    name = "chatId"
    if chat_id is None and override:
        chat_id, name = override.get("sessionId"), "overrideConfig.sessionId"
    if chat_id is None:
        return ""
    if not isinstance(chat_id, str):
        raise InvalidBody(f"{name} must be a string.")
    if len(chat_id) > MAX_CHAT_ID_LENGTH:
        raise InvalidBody(f"{name} is longer than {MAX_CHAT_ID_LENGTH} characters.")
    return _clean(name, chat_id)


def _streaming(value: dict[str, Any]) -> bool:
    streaming = value.get("streaming")
    if isinstance(streaming, bool | str | None) and streaming in TRUTHS:
        return TRUTHS[streaming]
    raise InvalidBody('streaming must be true, false, "true" or "false".')


def _clean(name: str, text: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidBody(f"{name} holds a character that is not text.")
    return text
