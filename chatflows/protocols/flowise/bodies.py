"""Prediction bodies: read and check them, with errors that name the field. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import orjson

from chatflows.access.codes import INVALID_BODY, Refused
from chatflows.engines.events import NO_FIELDS

MAX_DEPTH = 32  # levels of JSON
# Arrays and objects, and commas between values. Many small ones would hold up the event loop, and
# take far more memory than their bytes.
MAX_CONTAINERS, MAX_COMMAS = 20_000, 100_000
MAX_QUESTION_LENGTH = 32 * 1024  # characters
MAX_CHAT_ID_LENGTH = 255  # characters
# With one of these a question may be empty (flowise-wire 1.2).
STAND_INS = ("form", "humanInput", "action", "uploads")
PASSED_ON = (*STAND_INS, "history", "leadEmail")
OVERRIDABLE = ("vars",)  # beside sessionId, which has a rule of its own
TRUTHS = {True: True, "true": True, False: False, "false": False, None: False}


def _no_constant(_: str) -> NoReturn:
    raise ValueError


# NUL and half surrogate pairs, which no database and no upstream takes.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
# A JSON string, or the beginning of one that never ends.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_LONG_NUMBER = re.compile(rb"[0-9]{16}")
_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class InvalidBody(Refused):
    """Raised for a body that is refused. The message quotes nothing of it."""

    def __init__(self, detail: str) -> None:
        super().__init__(INVALID_BODY, detail)


class PredictionBody(NamedTuple):
    """The fields that we read of Flowise's IncomingInput. Others are ignored, as in Flowise."""

    question: str
    chat_id: str  # empty begins a conversation
    streaming: bool
    session_id: str = ""  # empty if none was named
    # The other fields that go upstream: PASSED_ON, and of overrideConfig the OVERRIDABLE ones.
    fields: Mapping[str, Any] = NO_FIELDS


def parse(body: bytes | bytearray) -> PredictionBody:
    """Read a prediction from JSON. Raises InvalidBody."""
    return read(load_object(body))


def read(value: Mapping[str, Any]) -> PredictionBody:
    """Check the fields of a prediction. Raises InvalidBody."""
    return PredictionBody(
        question=_question(value),
        chat_id=_chat_id(value),
        streaming=_streaming(value),
        session_id=_session_id(value),
        fields=_fields(value),
    )


def load_object(body: bytes | bytearray) -> dict[str, Any]:
    """Read a JSON object of bounded size and depth. Raises InvalidBody."""
    value = load(body)
    if not isinstance(value, dict):
        raise InvalidBody("The body must be a JSON object.")
    return value


def load(body: bytes | bytearray) -> Any:
    """Read any JSON of bounded size and depth. Raises InvalidBody."""
    opened = body.count(b"[") + body.count(b"{")
    if opened > MAX_CONTAINERS or (len(body) > MAX_COMMAS and body.count(b",") > MAX_COMMAS):
        _check_count(body)
    value = _load(body)
    if opened > MAX_DEPTH:  # fewer can't be nested deeper
        check_depth(value)
    return value


def _load(body: bytes | bytearray) -> Any:
    # orjson takes a tenth of the time, and reads long numbers as others do not. What it refuses is
    # read again for the sentence that says why, or because json takes half a character.
    if _LONG_NUMBER.search(body) is None:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidBody("The body is not UTF-8.") from None
    except RecursionError:
        raise InvalidBody(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from None
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        raise InvalidBody(f"The body is not JSON: {what}, character {error.pos}.") from None
    except ValueError:
        raise InvalidBody("The body holds a number that can't be read.") from None


def _check_count(body: bytes | bytearray) -> None:
    bare = _STRING.sub(b"", body)  # the text of a file may hold any number of them
    if bare.count(b"[") + bare.count(b"{") > MAX_CONTAINERS:
        raise InvalidBody(
            f"The JSON has over {MAX_CONTAINERS:,} arrays and objects, or is nested deeper than "
            f"{MAX_DEPTH} levels."
        )
    if bare.count(b",") > MAX_COMMAS:
        raise InvalidBody(f"The JSON has over {MAX_COMMAS:,} values.")


def check_depth(value: Any) -> None:
    """Raise InvalidBody for JSON that is nested deeper than MAX_DEPTH."""
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


def _question(value: Mapping[str, Any]) -> str:
    question = value.get("question")
    if not question and any(value.get(name) for name in STAND_INS):
        return ""
    if question is None:
        raise InvalidBody("question is missing.")
    if not isinstance(question, str):
        raise InvalidBody("question must be a string.")
    if not question.strip():
        raise InvalidBody("question is empty.")
    if len(question) > MAX_QUESTION_LENGTH:
        raise InvalidBody(f"question is longer than {MAX_QUESTION_LENGTH:,} characters.")
    return clean("question", question)


def _chat_id(value: Mapping[str, Any]) -> str:
    return _name("chatId", value.get("chatId")) or _session_id(value)


def _session_id(value: Mapping[str, Any]) -> str:
    return _name("overrideConfig.sessionId", _override(value).get("sessionId"))


def _name(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidBody(f"{name} must be a string.")
    if len(value) > MAX_CHAT_ID_LENGTH:
        raise InvalidBody(f"{name} is longer than {MAX_CHAT_ID_LENGTH} characters.")
    return clean(name, value)


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


def _streaming(value: Mapping[str, Any]) -> bool:
    streaming = value.get("streaming")
    if isinstance(streaming, bool | str | None) and streaming in TRUTHS:
        return TRUTHS[streaming]
    raise InvalidBody('streaming must be true, false, "true" or "false".')


def clean(name: str, text: str) -> str:
    """Return a text unchanged. Raises InvalidBody if it holds NUL or half a character."""
    if _NO_TEXT.search(text) is not None:
        raise InvalidBody(f"{name} holds a character that is not text.")
    return text
