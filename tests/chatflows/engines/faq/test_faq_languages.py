"""The FAQ in every script: words inside a run of letters are found, accents make no difference."""
# ruff: noqa: RUF001 (letters of other scripts are what this is about)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.engines.faq import words
from chatflows.engines.faq.engine import FaqEngine
from chatflows.engines.sources import Entry
from tests.chatflows.engines.faq.languages import LANGUAGES
from tests.endings import that_ends

pytestmark = pytest.mark.fast


def faq_of(*questions: str) -> FaqEngine:
    """An FAQ whose answers tell nothing."""
    return FaqEngine([Entry(question, "-") for question in questions])


def found(engine: FaqEngine, question: str) -> str:
    entry = engine.best(question)
    return entry.question if entry else ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_thirty_entries_the_right_one_answers_or_none(language: str) -> None:
    text, asked = LANGUAGES[language]
    entries = [Entry(*line.split("|")) for line in text.strip().splitlines()]
    engine = FaqEngine(entries)
    assert len(entries) == 30
    got = {question: engine.best(question) for question in asked}
    wanted = {question: entries[n - 1] if n else None for question, n in asked.items()}
    assert got == wanted
    assert all(engine.best(entry.question) == entry for entry in entries)


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        ("营业时间是什么？", "营业时间"),
        ("营业时间是什么？", "你们的营业时间是几点？"),
        ("営業時間は何時ですか？", "営業時間を教えてください"),
        ("영업시간은 언제인가요?", "영업 시간이 언제인가요?"),
        ("營業時間是什麼？", "請問你們的營業時間"),
        ("𠮷野家在哪里？", "𠮷野家"),
        ("你是谁？", "你是谁"),
        ("税是多少？", "税"),
        ("目的地是什么？", "目的地在哪里"),
        ("ເວລາເປີດຮ້ານແມ່ນຫຍັງ", "ເວລາເປີດຮ້ານ"),
        ("តើម៉ោងធ្វើការជាអ្វី", "ម៉ោងធ្វើការ"),
        ("ឆ្នាំ\u200bនេះ\u200bបិទ\u200bថ្ងៃណា", "ឆ្នាំនេះបិទ"),
        ("ဖွင့်ချိန်က ဘယ်အချိန်လဲ", "ဖွင့်ချိန်"),
        ("खुलने का समय क्या है", "खुलने का समय"),
        ("WiFi密码", "wifi密码是多少"),
        ("第3季度报告", "第３季度"),
        ("📦包裹在哪里", "包裹"),
        ("Öffnungszeiten", "Offnungszeiten"),
        ("Offnungszeiten", "Öffnungszeiten"),
        ("Öffnungszeiten", "O\u0308FFNUNGSZEITEN"),
        ("Öffnungszeiten", "Öff\u00adnungs\u200bzeiten"),
        ("cafe", "Café?"),
        ("Café", "cafe"),
        ("Straße", "STRASSE"),
        ("strasse", "Straße"),
        ("Giờ mở cửa", "gio mo cua"),
        ("Đổi trả hàng", "doi tra hang"),
        ("İstanbul şubesi", "istanbul subesi"),
        ("ışık", "isik"),
        ("ISIK", "ışık"),
        ("Smørrebrød", "smorrebrod"),
        ("Łódź", "lodz"),
        ("ＷｉＦｉ", "wifi"),
        ("ﾊﾟｽﾜｰﾄﾞ", "パスワード"),
        ("ещё вопрос", "еще вопрос"),
        ("Ώρες λειτουργίας", "ωρεσ λειτουργιας"),
        ("مُحَمَّد", "محمد"),
        ("مـــرحبا", "مرحبا"),
        ("שָׁלוֹם", "שלום"),
        ("ساعت ۹", "ساعت 9"),
        ("Wann haben Sie geöffnet?", "geöffnet"),
        ("Heures d’ouverture", "ouverture"),
        ("Когда вы открыты?", "когда открыты"),
        ("متى تفتحون؟", "متى تفتحون"),
        ("Çalışma saatleri", "çalışma saatleri"),
    ],
)
def test_a_word_is_found_however_it_is_written(entry: str, asked: str) -> None:
    assert found(faq_of("something else", entry, "别的问题", "또 다른 것"), asked) == entry


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        ("退货政策", "隐私政策"),
        ("营业时间是什么？", "什么"),
        ("你们有会员吗？", "你们"),
        ("送料はいくらですか？", "ですか"),
        ("반품은 어떻게 하나요?", "어떻게 하나요"),
        ("会员有什么好处？", "你好"),
        ("かき", "がき"),
        ("รหัสผ่านคืออะไร", "คืออะไร"),
    ],
)
def test_one_common_piece_is_no_match(entry: str, asked: str) -> None:
    assert found(faq_of(entry, "something else"), asked) == ""


@given(st.text(st.characters(exclude_categories=["Cc", "Cn", "Co", "Cs"])))
def test_an_entry_is_found_by_its_own_words(question: str) -> None:
    has_words = any(character.isalnum() for character in words.fold(question))
    assert (found(faq_of(question), question) == question) or not has_words


@pytest.mark.parametrize(
    "letter", ["营", "ﷺ", "が", "\u0e33", "\u103a", "\u17d2", "\u0300", "각", "是", "\U000e0101"]
)
def test_a_long_question_takes_little_time(letter: str) -> None:
    engine = faq_of("营业时间是什么？")
    with that_ends():
        engine.best(letter * 1_000_000)
