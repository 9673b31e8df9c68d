"""Bodies of chat completions: read and check them, with errors that name the field. Pure.

Fields that OpenAI knows and we don't are ignored, as most such servers do, so that clients need no
change. Fields that ask for another form of answer are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chatflows.engines import ChatMessage
from chatflows.protocols.flowise.bodies import storable
from chatflows.protocols.json_bodies import InvalidBody

MAX_MESSAGES = 2000
MAX_MESSAGE_LENGTH = 128 * 1024  # characters
MAX_MODEL_LENGTH = 200
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
# A caller who sends one of these expects an answer that no engine here can give,
REFUSED = ("tools", "functions", "audio")
CHOICES = {"tools": "tool_choice", "functions": "function_call"}  # unless this is "none".


@dataclass(frozen=True, slots=True)
class Completion:
    """A conversation whose next message is wanted. `question` is the user's last message."""

    messages: tuple[ChatMessage, ...]
    question: str
    is_streaming: bool
    has_usage: bool  # the stream ends with a chunk that counts the tokens


def model(value: Mapping[str, Any]) -> str:
    """Read the name of the model. Raises InvalidBody."""
    name = value.get("model")
    if name is None:
        raise InvalidBody("model is missing: it is the chatflow's id.")
    if not isinstance(name, str) or len(name) > MAX_MODEL_LENGTH:
        raise InvalidBody("model must be a string, the chatflow's id.")
    return name


def chatflow_id(name: str) -> UUID | None:
    """Return the chatflow that a model names by its id, spelled as in an address, or None."""
    try:
        found = UUID(name)
    except ValueError:
        return None
    return found if str(found) == name else None


def read(value: Mapping[str, Any]) -> Completion:
    """Check the fields of a completion. Raises InvalidBody."""
    _check_wishes(value)
    messages = _messages(value.get("messages"))
    question = next((m.text for m in reversed(messages) if m.role == "user"), None)
    if question is None:
        raise InvalidBody("messages holds no message of the role user.")
    if not question.strip():
        raise InvalidBody("The last message of the user is empty.")
    options = value.get("stream_options")
    if not isinstance(options, dict | None):
        raise InvalidBody("stream_options must be an object.")
    return Completion(
        messages,
        question,
        is_streaming=_flag("stream", value.get("stream")),
        has_usage=_flag("stream_options.include_usage", (options or {}).get("include_usage")),
    )


def _check_wishes(value: Mapping[str, Any]) -> None:
    count = value.get("n")
    if count is not None and (isinstance(count, bool) or count != 1):
        raise InvalidBody("n must be 1: there is one answer.")
    unwanted = {name for name, choice in CHOICES.items() if value.get(choice) == "none"}
    for name in REFUSED:
        if value.get(name) and name not in unwanted:
            raise InvalidBody(f"{name} is not supported here.")
    form = value.get("response_format")
    is_text = isinstance(form, dict) and form.get("type") == "text"
    if form is not None and not is_text:
        raise InvalidBody("response_format is not supported here, but for text.")


def _messages(value: object) -> tuple[ChatMessage, ...]:
    if not isinstance(value, list) or not value:
        raise InvalidBody("messages must be a list of at least one message.")
    if len(value) > MAX_MESSAGES:
        raise InvalidBody(f"messages has over {MAX_MESSAGES:,} messages.")
    return tuple(_message(f"messages[{place}]", each) for place, each in enumerate(value))


def _message(place: str, value: object) -> ChatMessage:
    if not isinstance(value, dict):
        raise InvalidBody(f"{place} must be an object.")
    role = value.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidBody(f"{place}.role must be one of {', '.join(ROLES)}.")
    if value.get("tool_calls") or value.get("function_call"):
        raise InvalidBody(f"{place} calls a tool, which is not supported here.")
    content = value.get("content")
    if content is None and role == "assistant":  # it refused, or said nothing that is text
        content = value.get("refusal") or ""
    text = _text(f"{place}.content", content)
    if len(text) > MAX_MESSAGE_LENGTH:
        raise InvalidBody(f"{place}.content is longer than {MAX_MESSAGE_LENGTH:,} characters.")
    return ChatMessage(ROLES[role], storable(f"{place}.content", text))


def _text(place: str, content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InvalidBody(f"{place} must be a string or a list of parts.")
    return "".join(_part(place, part) for part in content)


def _part(place: str, part: object) -> str:
    if isinstance(part, dict) and part.get("type") in ("text", "refusal"):
        text = part.get(part["type"])
        if isinstance(text, str):
            return text
    raise InvalidBody(f"{place} may hold only parts of the type text.")


def _flag(name: str, value: object) -> bool:
    if value is not None and not isinstance(value, bool):
        raise InvalidBody(f"{name} must be true or false.")
    return bool(value)
