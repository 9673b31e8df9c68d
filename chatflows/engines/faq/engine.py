"""The `faq` engine: the best match by full-text rank, answered from memory, no network.

The entries are indexed once in an in-memory SQLite FTS5 table (stemming, BM25), so that the same
ranking serves whatever database the entries come from.
"""

import re
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from functools import lru_cache

from chatflows.engines.events import Done, Events, InstantAnswer, Question, Sources, Token
from chatflows.engines.sources import Entry

DEFAULT_FALLBACK = "I have no answer to that. Try other words."
MAX_READ = 4096  # characters of a question: more would hold up everyone else's answers,
MAX_WORDS = 32  # and more words tell nothing about what is asked
MAX_CACHED_LENGTH = 200  # characters of a question
QUESTION_WEIGHT, ANSWER_WEIGHT = 4.0, 1.0
CANDIDATES = 3
# At least this share of the asked words must stand in an entry, or it answers something else.
MIN_SHARE = 0.5
_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"\s*\S+")
_STOP_WORDS = frozenset(
    """a about an and are as at be by can could did do does for from had has have how i if in into
    is it its may me my no not of on or our please should so tell than that the their them then
    there these they this to us was we were what when where which who why will with would you
    your""".split()  # noqa: SIM905 (a list of 90 strings is no easier to read)
)


class FaqEngine:
    """Answers from a fixed list of entries; a changed list is a new engine."""

    def __init__(self, entries: Sequence[Entry], fallback: str = "") -> None:
        self._entries = tuple(entry for entry in entries if entry.answer.strip())
        self._fallback = fallback.strip() or DEFAULT_FALLBACK
        # The same questions come again and again, and these entries never change.
        self._cached = lru_cache(maxsize=1024)(self._rank)
        self._index = sqlite3.connect(":memory:", check_same_thread=False)
        self._index.execute(
            "CREATE VIRTUAL TABLE faq USING fts5(question, answer, tokenize='porter unicode61')"
        )
        self._index.executemany(
            "INSERT INTO faq(rowid, question, answer) VALUES (?, ?, ?)",
            [(n, e.question, e.answer) for n, e in enumerate(self._entries)],
        )

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """See Engine. It never fails; a stream comes word by word."""
        text, sources, is_answered = self.answer_now(question)
        pieces = _PIECE.findall(text) if question.is_streaming else [text]
        named = [Sources(sources)] if sources else []
        yield [*map(Token, pieces), *named, Done(is_answered)]

    def answer_now(self, question: Question) -> InstantAnswer:
        """Return the best entry's answer, or the fallback."""
        entry = self.best(question.text[:MAX_READ])
        if entry is None:
            return InstantAnswer(self._fallback, is_answered=False)
        return InstantAnswer(entry.answer, _sources(entry))

    def best(self, question: str) -> Entry | None:
        """The entry that answers best, or None if none answers at all."""
        rank = self._cached if len(question) <= MAX_CACHED_LENGTH else self._rank
        return rank(question)

    def _rank(self, question: str) -> Entry | None:
        words = _asked_words(question)
        if not words:
            return None
        rows: list[tuple[int]] = self._index.execute(
            "SELECT rowid FROM faq WHERE faq MATCH ? ORDER BY bm25(faq, ?, ?) LIMIT ?",
            (" OR ".join(words), QUESTION_WEIGHT, ANSWER_WEIGHT, CANDIDATES),
        ).fetchall()
        for (number,) in rows:
            if self._share(words, number) >= MIN_SHARE:
                return self._entries[number]
        return None

    def _share(self, words: list[str], number: int) -> float:
        found = sum(
            self._index.execute(
                "SELECT count(*) FROM faq WHERE faq MATCH ? AND rowid = ?", (word, number)
            ).fetchone()[0]
            for word in words
        )
        return float(found) / len(words)


def _sources(entry: Entry) -> tuple[dict[str, object], ...]:
    return ({"pageContent": entry.question, "metadata": {"source": "faq"}},)


def _asked_words(question: str) -> list[str]:
    words = list(dict.fromkeys(w.lower() for w in _WORD.findall(question)))[:MAX_WORDS]
    telling = [word for word in words if word not in _STOP_WORDS] or words
    return [f'"{word}"' for word in telling]  # quoted: a word is never FTS5 syntax
