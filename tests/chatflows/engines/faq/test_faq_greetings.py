"""The FAQ in languages with spaces: words that only ask, as in greetings, answer nothing."""
# ruff: noqa: RUF001 (letters of other scripts are what this is about)

import pytest

from chatflows.engines.faq import stop_words, words
from chatflows.engines.faq.engine import FaqEngine
from chatflows.engines.sources import Entry
from chatflows.services.onboarding import SAMPLE_ENTRIES
from tests.chatflows.engines.faq.languages import LANGUAGES
from tests.chatflows.engines.faq.spaced_languages import SPACED

pytestmark = pytest.mark.fast


def found(engine: FaqEngine, question: str) -> str:
    entry = engine.best(question)
    return entry.question if entry else ""


@pytest.mark.parametrize("language", SPACED)
def test_what_visitors_ask_gets_its_entry_and_a_greeting_gets_none(language: str) -> None:
    lines = [line.split("|") for line in SPACED[language].strip().splitlines()]
    engine = FaqEngine([Entry(question, answer) for question, answer, *_ in lines if question])
    wanted = {one: question for question, _, *asked in lines if question for one in asked}
    wanted |= {question: question for question, *_ in lines if question}
    wanted |= dict.fromkeys(lines[-1][1:], "")
    assert {one: found(engine, one) for one in wanted} == wanted


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        ("¿Cómo cancelo mi pedido?", "¿Cómo estás?"),
        ("Come annullo il mio ordine?", "Come stai?"),
        ("Como cancelo o meu pedido?", "Como vai?"),
        ("Wie kann ich bestellen?", "Wie spät?"),
        ("Как отменить заказ?", "Как дела?"),
        ("Bạn có giao hàng không?", "Bạn là gì?"),
        ("Siparişimi nasıl iptal ederim?", "Hava nasıl?"),
        ("आपका पता क्या है?", "आपका नाम क्या है?"),
    ],
)
def test_an_faq_of_one_entry_does_not_answer_a_greeting(entry: str, asked: str) -> None:
    assert found(FaqEngine([Entry(entry, "-")]), asked) == ""


def test_a_question_that_only_asks_finds_an_entry_that_is_the_same() -> None:
    engine = FaqEngine([Entry("Chi siete?", "Noi."), Entry("Come stai?", "Bene.")])
    assert found(engine, "chi siete") == "Chi siete?"
    assert found(engine, "Chi è?") == ""


def test_in_an_english_faq_words_of_other_languages_tell_something() -> None:
    questions = [question for question, _ in SAMPLE_ENTRIES]
    assert words.stops_of(questions) == stop_words.ENGLISH
    mostly = ["How do I pay?", "Do you come to me?", "What is it?", "Van delivery", "Die casting"]
    assert words.stops_of(mostly) == stop_words.ENGLISH
    engine = FaqEngine([Entry(question, "-") for question in mostly])
    assert found(engine, "die") == "Die casting"
    assert found(engine, "a van") == "Van delivery"


def test_an_faq_in_two_languages_knows_the_words_of_both() -> None:
    stops = words.stops_of(["Wie kann ich zahlen?", "Où est la boutique ?", "How do I pay?"])
    assert {"wie", "ou", "how"} <= stops


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_without_spaces_have_no_words_of_others(language: str) -> None:
    text, _ = LANGUAGES[language]
    questions = [line.split("|")[0] for line in text.strip().splitlines()]
    assert words.stops_of(questions) == stop_words.ENGLISH


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        ("Öffnungszeiten", "oeffnungszeiten"),
        ("Oeffnungszeiten", "Öffnungszeiten"),
        ("Öffnungszeiten", "offnungszeiten"),
        ("Rückgabe und Umtausch", "Rueckgabe"),
        ("Rueckgabe und Umtausch", "ruckgabe oder Rückgabe"),
        ("O\u0308l wechseln", "Oel"),
        ("Preis für Käse", "kaese preis"),
    ],
)
def test_an_umlaut_is_found_as_two_letters_and_the_other_way_round(entry: str, asked: str) -> None:
    assert found(FaqEngine([Entry(entry, "-"), Entry("x", "y")]), asked) == entry
