"""The FAQ engine: the best entry, a polite fallback, and no question that breaks it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.engines import Done, Event, Question, Sources, Token
from chatflows.engines.faq.engine import DEFAULT_FALLBACK, FaqEngine
from chatflows.engines.sources import Entry
from chatflows.services.onboarding import SAMPLE_ENTRIES, SAMPLE_FALLBACK

pytestmark = pytest.mark.fast

SAMPLE = FaqEngine([Entry(q, a) for q, a in SAMPLE_ENTRIES], SAMPLE_FALLBACK)
SHOP = FaqEngine(
    [
        Entry("When are you open?", "From nine to five."),
        Entry("How do I return a parcel?", "Send it back within 30 days."),
        Entry("Do you ship abroad?", "Yes, parcels go to all of Europe."),
        Entry("Öffnungszeiten am Wochenende", "Samstags bis zwölf."),
        Entry("<b>bold</b> 🔑", "Markup & emoji 🔑 stay as they are."),
    ]
)


def events(engine: FaqEngine, question: str) -> list[Event]:
    async def collect() -> list[Event]:
        return [e async for events in engine.answer(Question(question, "c")) for e in events]

    return asyncio.run(collect())


def text(engine: FaqEngine, question: str) -> str:
    return "".join(e.text for e in events(engine, question) if isinstance(e, Token))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When are you open?", "From nine to five."),
        ("OPEN", "From nine to five."),
        ("returning parcels", "Send it back within 30 days."),
        ("parcel", "Send it back within 30 days."),
        ("shipping abroad", "Yes, parcels go to all of Europe."),
        ("öffnungszeiten", "Samstags bis zwölf."),
        ("bold", "Markup & emoji 🔑 stay as they are."),
        ("What about parrots in space?", DEFAULT_FALLBACK),
        ("", DEFAULT_FALLBACK),
        ("🔑", DEFAULT_FALLBACK),
        ("?!…", DEFAULT_FALLBACK),
        ("the", DEFAULT_FALLBACK),
    ],
)
def test_the_best_entry_answers(question: str, answer: str) -> None:
    assert text(SHOP, question) == answer


@pytest.mark.parametrize(("question", "answer"), SAMPLE_ENTRIES)
def test_the_sample_answers_its_own_questions(question: str, answer: str) -> None:
    assert text(SAMPLE, question) == answer


SYNTAX = [
    '"',
    '""',
    '"open',
    "open OR",
    "AND",
    "OR OR OR",
    "NOT open",
    "NEAR(open close)",
    "open*",
    "^open",
    "question:open",
    "{question answer}: open",
    "faq MATCH 'x'",
    "'; DROP TABLE faq; --",
    "(open",
    ")",
    "open + close",
    "-open",
    "_",
    "__ ___",
    "\\",
    "%",
    "\0",
    "open\0close",
    "ⁿ²①",
    "हिन्दी में प्रश्न",
    "ไทย",
    "\u202eopen",
    "\ud800",
    "a" * 10_000,
    "open " * 2_000,
    "🔑" * 10_000,
    " ".join(f"w{n}" for n in range(10_000)),
]


@pytest.mark.parametrize("question", SYNTAX, ids=lambda q: repr(q)[:20])
def test_a_question_is_never_syntax(question: str) -> None:
    answered = events(SHOP, question)
    assert isinstance(answered[-1], Done)
    assert text(SHOP, "open") == "From nine to five."  # the index is whole


@given(st.text())
def test_no_question_breaks_it(question: str) -> None:
    answered = events(SHOP, question)
    assert isinstance(answered[-1], Done)
    assert any(isinstance(event, Token) for event in answered)


@given(st.text(min_size=1).filter(lambda t: t.strip()))
def test_the_pieces_joined_are_the_answer(answer: str) -> None:
    engine = FaqEngine([Entry("needle", answer)])
    assert text(engine, "needle") == answer.rstrip() or answer[-1].isspace()
    assert text(engine, "needle").strip() == answer.strip()


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5), st.text())
def test_no_entry_breaks_it(entries: list[tuple[str, str]], question: str) -> None:
    try:
        engine = FaqEngine([Entry(q, a) for q, a in entries])
    except UnicodeEncodeError:
        return  # a lone surrogate can't be stored, so it can't be read
    assert isinstance(events(engine, question)[-1], Done)


def test_sources_come_only_with_an_entry() -> None:
    (source,) = [e for e in events(SHOP, "open") if isinstance(e, Sources)]
    assert source.documents[0]["pageContent"] == "When are you open?"
    assert not [e for e in events(SHOP, "parrots") if isinstance(e, Sources)]


def test_an_empty_faq_says_its_fallback() -> None:
    assert text(FaqEngine([]), "open") == DEFAULT_FALLBACK
    assert text(FaqEngine([], "Ask a person."), "open") == "Ask a person."


def test_a_fallback_of_spaces_is_no_fallback() -> None:
    assert text(FaqEngine([], "  \n"), "open") == DEFAULT_FALLBACK


def test_the_first_4096_characters_of_a_question_are_read() -> None:
    assert text(SHOP, " " * 4092 + "open") == "From nine to five."
    assert text(SHOP, " " * 4093 + "open") == DEFAULT_FALLBACK
