"""Words of the FAQ's search: what an entry is found by, and what a question asks for. Pure.

Scripts that put no spaces between words (Chinese, Japanese, Thai and others; Korean glues particles
to its words) are cut into overlapping pieces of two letters. A word inside a longer run is found by
its pieces, without a dictionary.
"""

import re
import sys
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice, pairwise
from typing import NamedTuple

from chatflows.engines.faq import languages, stop_words

MAX_PIECES = 32  # of a question; more tell nothing about what is asked
WORD_UNITS = 2  # a word counts as much as a piece of two letters
_NATIVE = f"utf-32-{sys.byteorder[0]}e"

# Han, kana, bopomofo, Hangul, Yi; then Thai, Lao, Burmese, Khmer, the Tai scripts. No digits here.
_UNSPACED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u309f\u30a1-\u30fa\u30fc-\u318e\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7fb\ua000-\ua48c"
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109d"
    "\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7b\u1780-\u17d3\u17dc\u17dd"
    "\u1950-\u19c9\u1a20-\u1a7c\uaa80-\uaadd"
)
_INDIC = "\u0900-\u0963\u0966-\u0dff"  # with their vowel signs, which are no \w
_RUN = re.compile(f"[{_UNSPACED}]+")
_TOKEN = re.compile(f"(?P<run>[{_UNSPACED}]+)|(?:(?![{_UNSPACED}])[\\w{_INDIC}])+")
_ASCII_WORD = re.compile(r"\w+", re.ASCII)
# Endings that say little: Japanese ones, and a Korean particle behind a single letter.
_ENDING = re.compile("[\u3041-\u309f]|(?<=^[\uac00-\ud7a3])[\uc740\ub294\uc744\ub97c]$")
_BETWEEN = re.compile(f"[^\\w{_INDIC}{_UNSPACED}]+")
# One letter with its marks. Thai and Lao write some vowels before their consonant; Khmer and
# Burmese stack consonants, and Burmese closes a syllable with one.
_UNIT = re.compile(
    "[\u0e40-\u0e44\u0ec0-\u0ec4]?."
    "(?:[\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebd\u0ec8-\u0ece\u102b-\u1038\u103a-\u103e"
    "\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u17b4-\u17d1"
    "\u17d3\u17dd]|[\u1039\u17d2].|[\u1000-\u102a]\u1037?\u103a)*",
    re.DOTALL,
)
_WITH_MARKS = re.compile("[\u0e00-\u109f\u1780-\u17ff]")
# Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic, the stretch of Arabic,
# variation selectors, and characters that only format. Marks of other scripts are letters.
_IGNORED = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef"
    "\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+"
)
# Letters that people type without their stroke, and that have no decomposition.
_PLAIN = {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "\u0131": "i"}
# In German, "oe" is what people type who have no "ö".
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_UMLAUT = re.compile("[äöüÄÖÜ\u0308]")
_WORD = re.compile(r"\w+")
_STROKED = re.compile(f"[{''.join(_PLAIN)}]")
_OTHER_DIGIT = re.compile(r"[^\D0-9]")


class Asked(NamedTuple):
    """What a question asks for: expressions of FTS5, each with the parts that it covers."""

    parts: dict[str, set[int]]
    has_runs: bool

    def is_answered_by(self, found: list[str]) -> bool:
        """Whether an entry with these expressions answers the question.

        Half of the asked words are enough. Of runs it takes more than half of the letters: two
        compounds often share one half and mean different things.
        """
        covered = len(set[int]().union(*(self.parts[one] for one in found)))
        total = len(set[int]().union(*self.parts.values()))
        return 2 * covered > total if self.has_runs else 2 * covered >= total


def indexed(text: str) -> str:
    """Return what an entry's text is found by: its words, with runs cut into pieces."""
    if text.isascii():
        return text
    with_digraphs = f"{text} {' '.join(_digraphs(text).values())}"
    plain = _BETWEEN.sub(" ", fold(with_digraphs))
    return _RUN.sub(lambda run: _pieces(run[0]), plain)


def stops_of(questions: Iterable[str]) -> frozenset[str]:
    """Return the stop words of English and of the languages that an FAQ's questions are written in.

    A language counts if it explains a third of the questions better than English does, and not
    each by a single word of plain letters: "van" and "die" are English too.
    """
    best, certain, total = Counter[str](), set[str](), 0
    for question in questions:
        tokens = {token for _, token, _ in _tokens(fold(question))}
        counts = {name: len(tokens & stops) for name, stops in _stops().items()}
        most, english = max(counts.values()), len(tokens & stop_words.ENGLISH)
        total += max(most, english) > 0
        if most > english:
            names = [name for name, count in counts.items() if count == most]
            best.update(names)
            has_other_letters = not "".join(filter(str.isalpha, question)).isascii()
            certain.update(names if most > english + 1 or has_other_letters else ())
    chosen = (_stops()[name] for name in certain if 3 * best[name] >= total)
    return stop_words.ENGLISH.union(*chosen)


def asked(question: str, stops: frozenset[str] = stop_words.ENGLISH) -> Asked:
    """Return what a question asks for, without words and parts of runs that tell nothing.

    A question of English words that tell nothing asks for all of them; of others see `gist`.
    """
    if question.isascii():
        words = list(dict.fromkeys(_ASCII_WORD.findall(question.lower())))[:MAX_PIECES]
        telling = [word for word in words if word not in stops]
        if not telling and stop_words.ENGLISH.issuperset(words):
            telling = words
        return Asked({f'"{word}"': {n} for n, word in enumerate(telling)}, has_runs=False)
    parts, common = dict[str, set[int]](), dict[str, set[int]]()
    weak, has_runs, is_english = set[int](), False, True
    digraphs = _digraphs(question)
    for start, token, is_run in _tokens(fold(question)):
        has_runs = has_runs or is_run
        if is_run:
            for at, segment in stop_words.telling(token):
                place = WORD_UNITS * start + at
                _add_segment(parts, _units(segment), place)
                weak.update(place + found.start() for found in _ENDING.finditer(segment))
        else:
            place = WORD_UNITS * start
            is_english = is_english and token in stop_words.ENGLISH
            chosen = common if token in stops else parts
            one = f'"{token}"'
            if token in digraphs:
                one = f'({one} OR "{digraphs[token]}")'
            chosen.setdefault(one, set(range(place, place + WORD_UNITS)))
    # Endings count only in a question that has nothing else.
    strong = {one: places - weak for one, places in parts.items() if places - weak}
    chosen = strong or parts
    if has_runs and all(one.endswith("*") for one in chosen):
        return Asked({}, has_runs)  # single letters, at most: see `gist`
    chosen = chosen or (common if is_english else {})
    return Asked(dict(islice(chosen.items(), MAX_PIECES)), has_runs)


def gist(question: str) -> str:
    """Return what a question tells as one text; of one that tells nothing, all its letters.

    It finds an entry that asks for just that, such as "who are you" in Chinese.
    """
    found = list[str]()
    folded = fold(question)
    for _, token, is_run in _tokens(folded):
        found += [part for _, part in stop_words.telling(token)] if is_run else [token]
    return " ".join(found) or "".join(filter(str.isalnum, folded))


def fold(text: str) -> str:
    """Return the form by which texts are compared: without case, width, accents or hidden signs."""
    plain = _IGNORED.sub("", unicodedata.normalize("NFKD", text).casefold())
    plain = _STROKED.sub(lambda letter: _PLAIN[letter[0]], plain)
    plain = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), plain)
    return unicodedata.normalize("NFKC", plain)


@cache
def _stops() -> dict[str, frozenset[str]]:
    return {
        name: frozenset(token for _, token, _ in _tokens(fold(words)))
        for name, words in languages.STOP_WORDS.items()
    }


def _digraphs(text: str) -> dict[str, str]:
    """Return words with an umlaut, as they are folded, and as they are typed without one."""
    if not _UMLAUT.search(text):
        return {}
    written = unicodedata.normalize("NFC", text).lower()
    words = {word for word in _WORD.findall(written) if _UMLAUT.search(word)}
    return {fold(word): fold(word.translate(_DIGRAPHS)) for word in words}


def _tokens(folded: str) -> Iterator[tuple[int, str, bool]]:
    for found in _TOKEN.finditer(folded):
        yield found.start(), found[0], found["run"] is not None


def _pieces(run: str) -> str:
    """Cut a run into pairs of letters. The last letter alone lets a prefix find every letter."""
    if _WITH_MARKS.search(run):
        units = _UNIT.findall(run)
        return f" {' '.join(map(''.join, pairwise(units)))} {units[-1]} "
    # Numbers in an array are woven at once, where strings would be made one by one.
    letters = array("I", run.encode(_NATIVE))
    spread = array("I", [32]) * (3 * len(letters))  # blanks
    spread[1::3] = letters
    spread[2:-1:3] = letters[1:]
    return spread.tobytes().decode(_NATIVE)


def _units(run: str) -> list[str]:
    return _UNIT.findall(run) if _WITH_MARKS.search(run) else list(run)


def _add_segment(parts: dict[str, set[int]], units: list[str], place: int) -> None:
    for n, pair in enumerate(pairwise(units), place):
        parts.setdefault(f'"{"".join(pair)}"', set()).update((n, n + 1))
    if len(units) == 1:  # one letter says little: it counts in questions alone
        parts.setdefault(f'question : "{units[0]}" *', set()).add(place)
