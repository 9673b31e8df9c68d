"""Headers of CSV files: the names that people give to their two columns. Pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from chatflows.engines.faq.words import fold

_QUESTION = """
    question questions q qs qn query queries frage fragen fragetext pregunta preguntas domanda
    domande quesito quesiti pergunta perguntas questao questoes vraag vragen pytanie pytania
    вопрос вопросы питання запитання otazka otazky vprasanje fraga fragor sporgsmal sporsmal
    kysymys kysymykset soru sorular kerdes kerdesek intrebare intrebari ερωτηση ερωτησεις
    pertanyaan 问题 問題 质问 質問 问 問 질문 คำถาม سوال سؤال اسئلة שאלה שאלות प्रश्न सवाल
"""
_ANSWER = """
    answer answers a as ans response responses reply replies antwort antworten antworttext reponse
    reponses respuesta respuestas risposta risposte resposta respostas antwoord antwoorden
    odpowiedz odpowiedzi ответ ответы відповідь відповіді odpoved odpovedi odgovor svar vastaus
    vastaukset cevap cevaplar yanit yanitlar valasz valaszok raspuns raspunsuri απαντηση
    απαντησεις jawaban 答案 回答 答复 答 답변 답 대답 คำตอบ جواب اجابة الجواب תשובה תשובות उत्तर
    जवाब
"""
# Words beside the name that say nothing about the column.
_BESIDE = frozenset({"text", "texts", "texte", "texto", "testo", "faq", "the", "your", "user", "s"})
MAX_COLUMNS = 256  # among which questions and answers are looked for
MAX_HEADER_WORDS, MAX_HEADER_LENGTH = 3, 40  # of a name; longer cells are sentences
_DIGITS = re.compile(r"\d+")
_SENTENCE = re.compile(r"[.?!:;\u2026\u3002\uff1f\uff01\d]")


class Columns(NamedTuple):
    """Where questions and answers stand, the number of columns, and the others' names by place."""

    question: int
    answer: int
    width: int
    others: dict[int, str]


def columns(cells: Sequence[str]) -> Columns | None:
    """Return the columns that a header names, or None if it names no question or no answer."""
    names = [_name(cell) for cell in cells[:MAX_COLUMNS]]
    questions = [n for n, name in enumerate(names) if name in _questions]
    answers = [n for n, name in enumerate(names) if name in _answers]
    if not questions or not answers:
        return None
    taken = questions[0], answers[0]
    width = max([*taken, *(n for n, cell in enumerate(cells) if cell.strip())]) + 1
    others = {n: cells[n].strip()[:MAX_HEADER_LENGTH] for n in range(width) if n not in taken}
    return Columns(*taken, width, others)


def may_be(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether a first line looks like a header beside the second: short names above a sentence."""
    if len(first) != 2 or len(second) != 2:
        return False
    if _is_numbered(first) and not _is_numbered(second):
        return True
    names = {_name(cell) for cell in first}
    is_half_known = bool(names & (_questions | _answers))
    return all(map(_is_short, first)) and (is_half_known or not all(map(_is_short, second)))


def _is_numbered(cells: Sequence[str]) -> bool:
    """Whether cells are names of columns with numbers, such as "Question 1"."""
    return columns([_DIGITS.sub("", cell) for cell in cells]) is not None


def _is_short(cell: str) -> bool:
    cell = cell.strip()
    is_long = len(cell) > MAX_HEADER_LENGTH or len(cell.split()) > MAX_HEADER_WORDS
    return bool(cell) and not is_long and not _SENTENCE.search(cell)


def _name(cell: str) -> str:
    """Return what is left of a name without case, accents and words that say nothing."""
    if len(cell) > MAX_HEADER_LENGTH:
        return ""
    found = [word for word in re.split(r"[\W_]+", fold(cell)) if word]
    telling = [word for word in found if word not in _BESIDE]
    return "".join(telling).removesuffix("text")


def _folded(words: str) -> frozenset[str]:
    return frozenset("".join(re.split(r"[\W_]+", fold(word))) for word in words.split())


_questions = _folded(_QUESTION) | {"cauhoi"}
_answers = _folded(_ANSWER) | {"traloi", "cautraloi"}
