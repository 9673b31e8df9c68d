"""CSV of FAQs, as Excel, LibreOffice, Google and people write it: nothing is lost in silence."""

from contextlib import suppress

import pytest

from chatflows.faq import files
from chatflows.faq.files import Reading, Unreadable, parse, text_of
from chatflows.faq.found import BadLine, OtherColumn, Row
from tests.endings import that_ends

pytestmark = pytest.mark.fast


def read(text: str) -> Reading:
    return parse(text, markdown=False)


def pairs(text: str) -> list[tuple[str, str]]:
    return [(row.question, row.answer) for row in read(text).rows]


@pytest.mark.parametrize(
    "text",
    [
        "When?,Now.\nWhere?,Here.\n",
        "question,answer\nWhen?,Now.\nWhere?,Here.\n",
        "Question;Answer\r\nWhen?;Now.\r\nWhere?;Here.\r\n",
        "When?\tNow.\nWhere?\tHere.",
        "\ufeffquestion,answer\nWhen?,Now.\nWhere?,Here.",
        '"When?","Now."\n\n"Where?","Here."\n',
        "id,answer,question\n1,Now.,When?\n2,Here.,Where?",
        " When? , Now. \n Where? , Here. ",
    ],
    ids=["bare", "header", "semicolon", "tab", "bom", "quoted", "more-columns", "blanks"],
)
def test_csv_is_read_in_every_usual_form(text: str) -> None:
    assert pairs(text) == [("When?", "Now."), ("Where?", "Here.")]


def test_a_quoted_cell_keeps_commas_quotes_and_lines() -> None:
    assert pairs('"A, b?","Say ""yes"",\nthen go."') == [("A, b?", 'Say "yes",\nthen go.')]


def test_bad_lines_are_named_by_number_and_the_others_are_kept() -> None:
    text = (
        f'"two\nlines?",Yes.\nalone\n,no question\nq,\n{"q" * 501},a\nq,{"a" * 8001}\na,b,c\nok,ok'
    )
    rows, bad = read(text).rows, read(text).bad_lines
    assert [(row.line, row.question) for row in rows] == [(1, "two\nlines?"), (8 + 1, "ok")]
    assert [one.line for one in bad] == [3, 4, 5, 6, 7, 8]
    assert bad[0].why.startswith("1 column;")
    assert bad[1] == BadLine(4, "no question")
    assert bad[2] == BadLine(5, "no answer")
    assert "501" in bad[3].why
    assert "8,001" in bad[4].why
    assert bad[5].why.startswith("3 columns;")


TWO = [("How long?", "Two days."), ("Where?", "Here.")]


@pytest.mark.parametrize(
    "first",
    ["sep=;", "SEP=;", "Sep=;", '"sep=;"', "sep=;;;", " sep=;", "\ufeffsep=;"],
)
def test_excels_line_that_names_the_delimiter_is_obeyed_and_dropped(first: str) -> None:
    text = f"{first}\r\nquestion;answer\r\nHow long?;Two days.\r\nWhere?;Here.\r\n"
    assert pairs(text) == TWO
    assert [row.line for row in read(text).rows] == [3, 4]
    assert read(text).bad_lines == []


@pytest.mark.parametrize(
    ("first", "sign"),
    [("sep=\\t", "\t"), ("sep=\t", "\t"), ("sep=|", "|"), ("sep=^", "^"), ("sep=,", ",")],
)
def test_any_delimiter_can_be_named(first: str, sign: str) -> None:
    assert pairs(f"{first}\nHow long?{sign}Two days.\nWhere?{sign}Here.") == TWO


@pytest.mark.parametrize("first", ["sep=", "sep=a", 'sep="', "sep= "])
def test_a_delimiter_that_is_none_is_a_bad_line(first: str) -> None:
    assert [one.line for one in read(f"{first}\nWhere?,Here.").bad_lines] == [1]


@pytest.mark.parametrize(
    "header",
    [
        "Questions,Answers",
        "Q,A",
        "Frage;Antwort",
        "Question Text,Answer Text",
        "question_text,answer_text",
        "QuestionText,AnswerText",
        " QUESTION , ANSWER ",
        '"Question:","Answer:"',
        "FAQ question,FAQ answer",
        "Qs;As",
        "Fragen;Antworten",
        "Question;R\u00e9ponse",
        "Questions;Re\u0301ponses",
        "Pregunta,Respuesta",
        "Domanda;Risposta",
        "Domande;Risposte",
        "Pergunta;Resposta",
        "Vraag;Antwoord",
        "Pytanie;Odpowied\u017a",
        "\u0412\u043e\u043f\u0440\u043e\u0441;\u041e\u0442\u0432\u0435\u0442",
        "Fr\u00e5ga;Svar",
        "Soru;Cevap",
        "\u95ee\u9898,\u7b54\u6848",
        "\u8cea\u554f,\u56de\u7b54",
        "\uc9c8\ubb38,\ub2f5\ubcc0",
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_is_known_as_people_write_it(header: str, mark: str) -> None:
    sign = ";" if ";" in header else ","
    reading = read(f"{mark}{header}\nHow long?{sign}Two days.\nWhere?{sign}Here.")
    assert [(row.question, row.answer) for row in reading.rows] == TWO
    assert reading.bad_lines == []
    assert reading.maybe_header is None


def test_a_header_names_its_columns_in_any_order_and_the_others_are_told() -> None:
    reading = read("Nr;Antwort;Frage;Thema\n1;Now.;When?;Time\n2;Here.;Where?;")
    assert [(row.question, row.answer) for row in reading.rows] == [
        ("When?", "Now."),
        ("Where?", "Here."),
    ]
    assert reading.other_columns == [
        OtherColumn("Nr", ("1", "2")),
        OtherColumn("Thema", ("Time",)),
    ]


@pytest.mark.parametrize(
    "header",
    ["Topic,Text", "Topic,Answer", "Thema,Inhalt", "Title,Body", "Question 1,Answer 1"],
)
def test_a_first_line_that_looks_like_a_header_is_asked_about(header: str) -> None:
    reading = read(f"{header}\nHow long does it take?,It takes two days.\nWhere?,Here.")
    assert reading.maybe_header is not None
    assert f"{reading.maybe_header.question},{reading.maybe_header.answer}" == header
    assert len(reading.rows) == 2


@pytest.mark.parametrize(
    "text",
    [
        *("Hi,Hello\nBye,Ciao", "Hi,Hello", "When?,Now.\nWhere?,Here."),
        "Question 1,Answer 1\nQuestion 2,Answer 2",
    ],
)
def test_an_entry_is_not_taken_for_a_header(text: str) -> None:
    assert read(text).maybe_header is None
    assert len(read(text).rows) == text.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("question,answer\nHow long?,Two days, or three, if busy", 2),
        ("Questions;Answers\nWhere?;Here.\nHow long?;Two; three", 3),
        ("id,question,answer\n1,How long?,Two days, or three", 2),
        ("question,answer,\nHow long?,Two days, or three, if busy", 2),
    ],
)
def test_too_many_cells_are_a_bad_line_and_never_cut(text: str, bad: int) -> None:
    assert [one.line for one in read(text).bad_lines] == [bad]
    assert "How long?" not in [row.question for row in read(text).rows]


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("question,answer,tags\nHow long?,Two days, or three", [2]),
        ("id,answer,question\n1,Two days, or three", [2]),
        ("Nr.;Frage;Antwort;Stand\n2;Wo?;Hier; da", [2]),
        ("question,tags,answer\nIs it red, or blue?,yes", [2]),
        ("question,answer,tags\nHow long?,Two days,\u00a0or three", [2]),
        ("question,answer,\nHow long?,Two days, or three", [2]),
        ('question,answer,tags\nHow long?,Two days, "or, three"', []),
        ('question,answer,tags\nHow long?,"Two days, or three",time', []),
        ("id, question,answer\n1, How long?,Two days", []),
        ("question | answer | tags\nHow long? | Two days | time", []),
    ],
)
def test_an_answer_is_never_cut_at_a_sign_of_its_own(text: str, bad: list[int]) -> None:
    reading = read(text)
    assert [one.line for one in reading.bad_lines] == bad
    assert len(reading.rows) == 1 - len(bad)


def test_cells_of_columns_that_have_no_name_are_told_too() -> None:
    reading = read("question,,answer\nWhere?,Place,Here.\nWhen?,,Now.")
    assert reading.other_columns == [OtherColumn("column 2", ("Place",))]


@pytest.mark.parametrize(
    "text",
    [
        "Wann?;Montag, Dienstag\nWo?;Hier, da",
        'Wann?;"Montag, Dienstag"\nWo?;"Hier, da"',
        "Wann?\tMontag, Dienstag\nWo?\tHier, da",
    ],
)
def test_a_delimiter_that_a_blank_follows_gives_way(text: str) -> None:
    assert pairs(text) == [("Wann?", "Montag, Dienstag"), ("Wo?", "Hier, da")]


@pytest.mark.parametrize("text", ["When?, Now.\nWhere?, Here.", 'When?,"Now; then"\nWhere?,Here.'])
def test_a_comma_that_a_blank_follows_parts_where_nothing_else_does(text: str) -> None:
    assert [question for question, _ in pairs(text)] == ["When?", "Where?"]


@pytest.mark.parametrize(
    "text", ["Wann?;Montag,Dienstag", "Wann?;Montag, Dienstag\nWo?;Hier, da; dort"]
)
def test_if_two_delimiters_may_be_meant_nothing_is_guessed(text: str) -> None:
    (bad,) = read(text).bad_lines
    assert (bad.line, read(text).rows) == (1, [])
    assert "sep=," in bad.why
    assert read(f"sep=;\n{text}").rows[0].question == "Wann?"


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("Our FAQ,2024\nquestion,answer\nHow long?,Two days.\nWhere?,Here.", [1]),
        ("Our FAQ\n\nas of today\nquestion;answer\nHow long?;Two days.\nWhere?;Here.", [1, 3]),
        ("question,answer\nHow long?,Two days.\nQuestion,Answer\nWhere?,Here.", []),
        ("question,answer\nHow long?,Two days.\nid,answer,question\n1,Here.,Where?", []),
        (
            "| Question | Answer |\n| --- | :-: |\n| How long? | Two days. |\n| Where? | Here. |",
            [],
        ),
        ("How long?|Two days.\n---|---\nWhere?|Here.", []),
    ],
)
def test_headers_and_rules_are_never_entries(text: str, bad: list[int]) -> None:
    assert pairs(text) == TWO
    assert [one.line for one in read(text).bad_lines] == bad


def test_empty_cells_that_fill_a_line_up_are_none() -> None:
    reading = read("q;a;;;\nHow long?;Two days.;;;\n;;;;\nWhere?;Here.;;;\n;;;;\n")
    assert [(row.question, row.answer) for row in reading.rows] == TWO
    assert reading.bad_lines == []


@pytest.mark.parametrize(
    ("text", "line", "kept"),
    [
        ('q,a\nWhere?,Here.\nWhen?,"Now.\nWho?,Me.\n', 3, ["Where?"]),
        ('q,a\nWhere?,Here.\n"When?,Now.\nWho?,Me.\n', 3, ["Where?"]),
        ('q,a\n"two\nlines","begins\nlater', 3, []),
        ('sep=,\nq,a\n"x""","y\n', 3, []),
        ('q,a\r"b\rc",d\re,"f\r', 4, ["b\rc"]),
    ],
)
def test_a_quote_that_never_ends_is_named_with_its_line(
    text: str, line: int, kept: list[str]
) -> None:
    why = "a quote begins here and never ends; nothing below it was read"
    assert read(text).bad_lines == [BadLine(line, why)]
    assert [row.question for row in read(text).rows] == kept


def test_a_quote_in_the_middle_of_a_quoted_cell_is_named() -> None:
    reading = read('q,a\n"Say "yes" now",ok\n5" screen,yes\n"a\nb"c,d\nWhere?,Here.')
    assert [one.line for one in reading.bad_lines] == [2, 4]
    assert "in line 5" in reading.bad_lines[1].why
    assert [row.question for row in reading.rows] == ['5" screen', "Where?"]


def test_a_long_cell_is_one_bad_line() -> None:
    lines = "word, word\n" * 20_000
    reading = read(f'q,a\nLong?,"{lines}"\nWhere?,Here.')
    assert [one.line for one in reading.bad_lines] == [2]
    assert "at most 8,000 fit" in reading.bad_lines[0].why
    assert [row.question for row in reading.rows] == ["Where?"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(end: str) -> None:
    reading = read(f"When?,Now.{end}{end}Where?,Here.{end}x\0,y{end}")
    assert reading.rows == [Row(1, "When?", "Now."), Row(3, "Where?", "Here.")]
    assert reading.bad_lines == [BadLine(4, "a character that is no text")]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_each_delimiter_is_told_by_the_lines(sign: str) -> None:
    assert pairs(f"How long?{sign}Two days.\nWhere?{sign}Here.") == TWO


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_form_of_unicode_is_read(encoding: str) -> None:
    data = "When?,Für immer\nWhere?,Here.".encode(encoding)
    assert pairs(text_of(data)) == [("When?", "Für immer"), ("Where?", "Here.")]


@pytest.mark.parametrize("data", [b"\xff\xfea", b"\0a\0", b"a\0\xff", b"\xff\xfe\0\0a"])
def test_half_a_character_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        text_of(data)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n" * 262_144,
        "alone\n" * 150_000,
        ",\n" * 524_288,
        "\n" * 1_000_000 + "a,b",
        '"a,b\n' * 99_000,
        '""",\n' * 99_000,
        "#" * 1_000_000,
        '"' * 1_000_001,
        "," * 1_000_000,
        "q,a\n" + "x" * 1_000_000,
        "sep=" + " " * 1_000_000,
        "# a\n" + "--\n" * 99_000,
        "* " * 400_000 + "x",
        "<a " + "b " * 400_000 + ">",
        "q,a,x\n" + " " * 900_000 + '"',
    ],
    ids=lambda text: f"{text[:6]!r}-{text.count(chr(10))}",
)
@pytest.mark.parametrize("markdown", [False, True])
def test_a_file_over_the_limits_takes_little_time(text: str, markdown: bool) -> None:
    with that_ends():
        files.is_markdown(text)
        with suppress(Unreadable):
            reading = parse(text, markdown=markdown)
            assert len(reading.rows) + len(reading.bad_lines) <= 1


def test_reading_stops_at_the_limit() -> None:
    with pytest.raises(Unreadable, match="more than 2,000 entries"):
        read("a,b\n" * 99_999)
    with pytest.raises(Unreadable, match="Line 1: 1 column"):
        read("alone\n" * 99_999)
