"""Candidates: texts in a report that can be keys, by their pattern and checksum. Pure but for the
ring, whose peppers make their digests."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from accounts.crypto import digests
from apikeys import key_text
from apikeys.key_text import KeyText

MOST = 100  # candidates of one report
MAX_TEXT = 64 * 1024  # characters
MAX_SOURCE = 500
# Matches that overlap count too: a text that was cut off can hide the beginning of the next one.
_KEYS = re.compile(f"(?=({key_text.PATTERN.pattern}|{key_text.PUBLISHABLE_PATTERN.pattern}))")


class Found(NamedTuple):
    """Where a text was found, in the words of whoever reports it."""

    text: str
    source: str = ""


class Candidate(NamedTuple):
    """What is kept of a text that can be a key: its id and its digests, never the text."""

    public_id: str
    digests: tuple[tuple[int, str], ...]
    source: str


def candidates(found: Iterable[Found]) -> list[Candidate]:
    """Return the first candidates, each text once. Raises Unavailable without the ring."""
    seen: dict[str, Candidate] = {}
    for key, source in _keys(found):
        if key.text in seen:
            continue
        made = Candidate(key.public_id, digests.pepper_digests(key.text), _plain(source))
        seen[key.text] = made
        if len(seen) == MOST:
            break
    return list(seen.values())


def _keys(found: Iterable[Found]) -> Iterator[tuple[KeyText, str]]:
    for text, source in found:
        for match in _KEYS.finditer(text[:MAX_TEXT]):
            key = key_text.parse(match[1])
            if key is not None:
                yield key, source


def _plain(source: str) -> str:
    return "".join(each for each in source[:MAX_SOURCE] if each.isprintable())
