"""Secrecy: no engine passes its own secret on, whatever its upstream says. Pure.

The kinds wrap every engine that has a secret, so a new engine has nothing to do for it. What leaves
here is what callers, pages, records and kept turns get.

An upstream may spell the secret as JSON does: with escapes, and with the escapes of a text inside a
text. It may send it in pieces. Other spellings, such as base64 or a letter a line, are not found:
a model can spell a word in endless ways, and who fears that must not tell it the word.
"""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from chatflows.encoding import encode
from chatflows.engines.events import (
    LAST_WORDS,
    AbortableEngine,
    Engine,
    Event,
    Events,
    Failed,
    Frame,
    ListingEngine,
    Question,
    RememberingEngine,
    Sources,
    Token,
    UpstreamEngine,
    Whole,
)

HIDDEN = "[hidden]"
# A shorter secret is a placeholder such as "none". To hide it would mangle answers.
SHORTEST = 8  # characters
MAX_BEGINNINGS = 16  # in the secret, of itself
_MAX_DEPTH = 100  # of lists and objects in each other; what lies deeper is hidden

# Backslashes before a character of the secret: escapes of a text in a text in a text.
_MOST = 32
_ESCAPES = rf"(?:\\(?:u005[cC])?){{0,{_MOST}}}"
_ESCAPED = re.compile(_ESCAPES + r"\\u([0-9a-fA-F]{4})")
_PLAIN = re.compile(_ESCAPES + r"(.)", re.DOTALL)
# Of a run of backslashes the first, or the first that counts as escapes of what follows.
_RUN = rf"(?<!\\)\\(?!\\{{{_MOST}}})|\\(?=\\{{{_MOST - 1}}}(?!\\))"
_CUT_UNIT = re.compile(_ESCAPES + r"(?:\\u[0-9a-fA-F]{0,3})?\Z")
_PIECES = ("token", "thinking")  # frames whose texts are pieces of one text


class Secret:
    """Finds one secret in texts, however JSON spells it."""

    def __init__(self, text: str) -> None:
        self._bare = text.replace("\\", "")  # any number of backslashes may stand anywhere
        units = [f"(?:{re.escape(c)}|\\\\u(?i:{ord(c):04x}))" for c in self._bare]
        self._spelled = re.compile(_ESCAPES.join(units))
        self._first = self._bare[0]
        self._starts = re.compile(f"{_beginning(self._bare)}|{_RUN}")
        self._longest = len(self._bare) * (_MOST * len(r"\u005c") + len(r"\u0000"))

    def is_in(self, text: str) -> bool:
        """Whether a text holds the secret."""
        return self._spelled.search(text) is not None

    def may_begin_in(self, text: str) -> bool:
        """Whether a text could hold the secret or the beginning of it."""
        return self._first in text or "\\" in text

    def hide(self, text: str) -> str:
        """Return a text without the secret, and without a good part of it at its end."""
        if not self.may_begin_in(text):
            return text
        text = self.without(text)
        start = self.beginning(text)
        return text if len(text) - start < SHORTEST else text[:start] + HIDDEN

    def without(self, text: str) -> str:
        """Return a text without the secret, of which a part may stand at the end."""
        return self._spelled.sub(HIDDEN, text)

    def beginning(self, text: str) -> int:
        """Return where the end of a text could be the beginning of the secret."""
        for found in self._starts.finditer(text, max(0, len(text) - self._longest)):
            if self._reaches_the_end(text, found.start()):
                return found.start()
        return len(text)

    def _reaches_the_end(self, text: str, at: int) -> bool:
        places = {at}  # where the next character may stand: the letter of `\u0041` can be our own
        for character in self._bare:
            if any(_CUT_UNIT.match(text, place) for place in places):
                return True
            places = {end for place in places for end in _ends(character, text, place)}
            if not places:
                break
        return False


class Veil:
    """Hides a secret in the events of one answer. It holds back what may be a beginning of it."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self._held: dict[str, str] = {}  # by the name of the pieces

    def cover(self, events: Events) -> list[Event]:
        """Return what may be passed on."""
        covered: list[Event] = []
        for event in events:
            if isinstance(event, LAST_WORDS):
                covered += self._rest()
            covered += self._of(event)
        return covered

    def _of(self, event: Event) -> list[Event]:
        match event:
            case Token(text):
                shown = self._piece("", text)
                return [Token(shown)] if shown else []
            case Frame():
                return self._of_frame(event)
            case Whole(value):
                return [Whole(_hidden_object(value, self._secret))]
            case Sources(documents):
                hidden = [_hidden_object(each, self._secret) for each in documents]
                return [Sources(tuple(hidden))]
            case Failed():
                return [replace(event, sentence=self._secret.hide(event.sentence))]
            case _:
                return [event]

    def _of_frame(self, frame: Frame) -> list[Event]:
        text = frame.text if frame.name == "token" else frame.data
        if frame.name in _PIECES and isinstance(text, str):
            shown = self._piece(frame.name, text)
            if shown != text:
                return [_frame(frame.name, shown)] if shown else []
        if frame.name == "token" and frame.data is None:  # there is nothing in it but its text
            return [frame]
        data = _hidden(frame.data, self._secret)
        if data == frame.data and not self._secret.is_in(frame.raw.decode(errors="replace")):
            return [frame]
        return [_frame(self._secret.hide(frame.name), data)]

    def _piece(self, name: str, text: str) -> str:
        """Return what may be shown of a text that comes in pieces."""
        held = self._held.pop(name, "")
        if not held and not self._secret.may_begin_in(text):
            return text
        text = self._secret.without(held + text)
        start = self._secret.beginning(text)
        if start < len(text):
            self._held[name] = text[start:]
        return text[:start]

    def _rest(self) -> Iterator[Event]:
        """Yield what was held back and turned out to be no secret."""
        for name, held in self._held.items():
            text = self._secret.hide(held)
            yield _frame(name, text) if name else Token(text)
        self._held = {}


class DiscreetEngine:
    """An engine that keeps its secret to itself. Its kind tells which abilities it has."""

    def __init__(self, engine: Engine, secret: str) -> None:
        self._engine = engine
        self._secret = Secret(secret)

    @property
    def memory_turns(self) -> int:
        """See RememberingEngine."""
        return self._engine.memory_turns if isinstance(self._engine, RememberingEngine) else 0

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """See Engine."""
        veil = Veil(self._secret)
        async with aclosing(self._engine.answer(question)) as answer:
            async for events in answer:
                covered = veil.cover(events)
                events.clear()
                if covered:
                    yield covered

    async def abort(self, thread_id: str) -> None:
        """See AbortableEngine."""
        if isinstance(self._engine, AbortableEngine):
            await self._engine.abort(thread_id)

    async def test_connection(self) -> tuple[bool, str]:
        """See UpstreamEngine."""
        assert isinstance(self._engine, UpstreamEngine)
        is_fine, sentence = await self._engine.test_connection()
        return is_fine, self._secret.hide(sentence)

    async def list_models(self) -> tuple[list[str], str]:
        """See ListingEngine."""
        assert isinstance(self._engine, ListingEngine)
        models, why = await self._engine.list_models()
        return [self._secret.hide(model) for model in models], self._secret.hide(why)


def is_repetitive(secret: str) -> bool:
    """Whether a secret holds its own beginning so often that looking for it takes too long.

    Each place where it could begin is followed as far as it fits. No key that was drawn by chance
    is like that.
    """
    bare = secret.replace("\\", "")
    return len(re.findall(f"(?={re.escape(bare[:SHORTEST])})", bare)) > MAX_BEGINNINGS


def discreet(engine: Engine, secret: str) -> Engine:
    """Return an engine that does not tell the secret that it was made with."""
    return DiscreetEngine(engine, secret) if len(secret.replace("\\", "")) >= SHORTEST else engine


def _beginning(bare: str) -> str:
    """Return a pattern for the first character, where the next ones fit as far as they are plain.

    It spares `beginning` most places that only have the first character in common.
    """
    ahead = ""
    for character in reversed(bare[1:SHORTEST]):
        ahead = rf"(?=\\|\Z|{re.escape(character)}{ahead})"
    return re.escape(bare[0]) + ahead


def _ends(character: str, text: str, at: int) -> Iterator[int]:
    """Yield where a character ends that stands in a text, however it is spelled."""
    escaped, plain = _ESCAPED.match(text, at), _PLAIN.match(text, at)
    if escaped is not None and chr(int(escaped[1], 16)) == character:
        yield escaped.end()
    if plain is not None and plain[1] == character:
        yield plain.end()


def _frame(name: str, data: object) -> Frame:
    text = data if name in ("token", "error") and isinstance(data, str) else ""
    raw = b"message:\ndata:" + encode({"event": name, "data": data}) + b"\n\n"
    return Frame(name, raw, text, data)


def _hidden_object(value: dict[str, Any], secret: Secret) -> dict[str, Any]:
    hidden = _hidden(value, secret)
    assert isinstance(hidden, dict)
    return hidden


def _hidden(value: object, secret: Secret, depth: int = 0) -> object:
    """Return a JSON value without the secret in its texts and names."""
    if depth > _MAX_DEPTH:
        return HIDDEN
    if isinstance(value, str):
        return secret.hide(value)
    if isinstance(value, list):
        return [_hidden(each, secret, depth + 1) for each in value]
    if isinstance(value, dict):
        return {secret.hide(name): _hidden(each, secret, depth + 1) for name, each in value.items()}
    return value
