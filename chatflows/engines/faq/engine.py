"""The `faq` engine: the best match by full-text rank, answered from memory, no network.

The entries are indexed once in an in-memory SQLite FTS5 table (stemming, BM25), so that the same
ranking serves whatever database the entries come from. `words` says what they are found by.
"""

import re
import sqlite3
import weakref
from collections.abc import AsyncGenerator, Sequence
from functools import lru_cache

from chatflows.engines.events import Done, Events, InstantAnswer, Question, Sources, Token
from chatflows.engines.faq import words
from chatflows.engines.sources import Entry

DEFAULT_FALLBACK = "I have no answer to that. Try other words."
MAX_READ = 4096  # characters of a question: more would hold up everyone else's answers
MAX_CACHED_LENGTH = 200  # characters of a question
QUESTION_WEIGHT, ANSWER_WEIGHT = 4.0, 1.0
CANDIDATES = 3
# Marks belong to their letters: `words` has dropped the accents that people leave out.
TOKENIZER = "porter unicode61 remove_diacritics 0 categories 'L* N* M*'"
_PIECE = re.compile(r"\s*\S+")


class FaqEngine:
    """Answers from a fixed list of entries; a changed list is a new engine."""

    def __init__(self, entries: Sequence[Entry], fallback: str = "") -> None:
        self._entries = tuple(entry for entry in entries if entry.answer.strip())
        self._fallback = fallback.strip() or DEFAULT_FALLBACK
        self._stops = words.stops_of(entry.question for entry in self._entries)
        self._entries_by_gist = {
            gist: entry for entry in self._entries if (gist := words.gist(entry.question))
        }
        # The same questions come again and again, and these entries never change.
        self._cached = lru_cache(maxsize=1024)(self._rank)
        self._index = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, self._index.close)
        self._index.execute(
            f'CREATE VIRTUAL TABLE faq USING fts5(question, answer, tokenize="{TOKENIZER}")'
        )
        self._index.executemany(
            "INSERT INTO faq(rowid, question, answer) VALUES (?, ?, ?)",
            [
                (n, words.indexed(entry.question), words.indexed(entry.answer))
                for n, entry in enumerate(self._entries)
            ],
        )

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """See Engine. It never fails; a stream comes word by word."""
        text, sources, is_answered = self.answer_now(question)
        pieces = _PIECE.findall(text) if question.is_streaming else [text]
        named = [Sources(sources)] if sources else []
        yield [*map(Token, pieces), *named, Done(is_answered)]

    def answer_now(self, question: Question) -> InstantAnswer:
        """Return the best entry's answer, or the fallback."""
        entry = self.best(question.text)
        if entry is None:
            return InstantAnswer(self._fallback, is_answered=False)
        return InstantAnswer(entry.answer, _sources(entry))

    def best(self, question: str) -> Entry | None:
        """Return the entry that answers best, or None if none answers at all."""
        question = question[:MAX_READ]
        rank = self._cached if len(question) <= MAX_CACHED_LENGTH else self._rank
        return rank(question)

    def _rank(self, question: str) -> Entry | None:
        asked = words.asked(question, self._stops)
        if not asked.parts:
            return self._entries_by_gist.get(words.gist(question))
        rows: list[tuple[int]] = self._index.execute(
            "SELECT rowid FROM faq WHERE faq MATCH ? ORDER BY bm25(faq, ?, ?) LIMIT ?",
            (" OR ".join(asked.parts), QUESTION_WEIGHT, ANSWER_WEIGHT, CANDIDATES),
        ).fetchall()
        for (number,) in rows:
            if asked.is_answered_by([one for one in asked.parts if self._has(one, number)]):
                return self._entries[number]
        return None

    def _has(self, expression: str, number: int) -> bool:
        statement = "SELECT 1 FROM faq WHERE faq MATCH ? AND rowid = ?"
        return self._index.execute(statement, (expression, number)).fetchone() is not None


def _sources(entry: Entry) -> tuple[dict[str, object], ...]:
    return ({"pageContent": entry.question, "metadata": {"source": "faq"}},)
