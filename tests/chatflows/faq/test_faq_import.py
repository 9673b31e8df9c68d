"""FAQ import and export: what a file would change is shown first, then done in one go."""

import csv
import io
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import AuditEvent, Team
from chatflows.faq import entries as faq_entries
from chatflows.faq import files
from chatflows.faq.files import Unreadable, parse, text_of, to_csv
from chatflows.models import Chatflow, FaqEntry
from tests import factories


def pairs(text: str, *, markdown: bool = False) -> list[tuple[str, str]]:
    return [(row.question, row.answer) for row in parse(text, markdown=markdown).rows]


@pytest.mark.fast
def test_what_is_no_text_is_refused_with_what_to_do() -> None:
    assert text_of("ä;ö".encode("utf-16")) == "ä;ö"
    assert text_of(b"\xef\xbb\xbfq,a") == "q,a"
    with pytest.raises(Unreadable, match="UTF-8"):
        text_of("Öffnung".encode("latin-1"))
    with pytest.raises(Unreadable, match="1 MiB"):
        text_of(b"x" * (files.MAX_BYTES + 1))
    with pytest.raises(Unreadable, match="2,000"):
        parse("\n".join(f"q{n},a" for n in range(2001)), markdown=False)
    assert len(parse("\n".join(f"q{n},a" for n in range(2000)), markdown=False).rows) == 2000


@pytest.mark.fast
@given(st.text(max_size=400), st.booleans())
def test_no_text_breaks_the_reader(text: str, markdown: bool) -> None:
    reading = parse(text, markdown=markdown)
    rows, bad = reading.rows, reading.bad_lines
    lines = text.count("\n") + text.count("\r") + len(text.splitlines()) + 1
    assert all(1 <= line <= lines for line in [*(r.line for r in rows), *(b.line for b in bad)])
    assert all(row.question and row.answer for row in rows)


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
    lambda text: text == text.strip()
)


@pytest.mark.fast
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_what_is_exported_is_imported_again(entries: list[tuple[str, str]]) -> None:
    assert pairs(to_csv(entries)) == entries


@pytest.mark.fast
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "'=", "\t=", "\r="])
def test_no_exported_cell_runs_as_a_formula(start: str) -> None:
    cell = f"{start}HYPERLINK(1)"
    for line in csv.reader(io.StringIO(to_csv([(cell, cell)]), newline="")):
        assert not any(one.startswith(("=", "+", "-", "@", "\t", "\r")) for one in line)


# The pages.


def url(chatflow_id: UUID, name: str) -> str:
    return reverse(name, args=["acme", chatflow_id])


def preview(browser: Client, faq: Chatflow, text: str, existing: str = "keep") -> str:
    """Shows the preview; what its form would send."""
    response = browser.post(url(faq.id, "faq_import"), {"text": text, "existing": existing})
    assert response.status_code == 200, response.content.decode()
    packed: str = response.context["packed"]
    return packed


def test_a_preview_changes_nothing_and_the_import_does_it_all(
    as_alice: Client, faq: Chatflow
) -> None:
    faq_entries.add(faq, "Who are you?", "A test.", factories.TESTER)
    version = Chatflow.objects.get(pk=faq.pk).engine_version
    events = AuditEvent.objects.count()
    text = "who  ARE you?,Someone.\nWhere?,Here.\nwhere?,There.\nbroken"
    packed = preview(as_alice, faq, text)
    assert FaqEntry.objects.count() == 1
    response = as_alice.post(url(faq.id, "faq_import_save"), {"packed": packed}, follow=True)
    assert "1 added, 0 replaced, 2 skipped" in response.content.decode()
    assert list(FaqEntry.objects.values_list("question", "answer")) == [
        ("Who are you?", "A test."),
        ("Where?", "Here."),
    ]
    assert Chatflow.objects.get(pk=faq.pk).engine_version == version + 1
    event = AuditEvent.objects.latest("sequence")
    assert AuditEvent.objects.count() == events + 1
    assert (event.action, event.after) == ("faq_entries.import", {"added": 1, "replaced": 0})
    again = as_alice.post(url(faq.id, "faq_import_save"), {"packed": packed}, follow=True)
    assert "0 added, 0 replaced, 3 skipped" in again.content.decode()
    assert AuditEvent.objects.count() == events + 1


def test_answers_are_replaced_where_that_was_chosen(as_alice: Client, faq: Chatflow) -> None:
    faq_entries.add(faq, "Who are you?", "A test.", factories.TESTER)
    packed = preview(as_alice, faq, "Who are you?,Someone else.", "replace")
    as_alice.post(url(faq.id, "faq_import_save"), {"packed": packed})
    assert FaqEntry.objects.get().answer == "Someone else."


def test_an_uploaded_file_is_read(as_alice: Client, faq: Chatflow) -> None:
    file = SimpleUploadedFile("faq.md", b"# When?\nNow.")
    data = {"file": file, "existing": "keep"}
    response = as_alice.post(url(faq.id, "faq_import"), data)
    assert "What the markdown would change" in response.content.decode()
    as_alice.post(url(faq.id, "faq_import_save"), {"packed": response.context["packed"]})
    assert FaqEntry.objects.get().question == "When?"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "Choose a file or paste a text"),
        ({"text": "q,a", "file": SimpleUploadedFile("x.csv", b"q,a")}, "one of the two"),
        ({"file": SimpleUploadedFile("x.csv", b"\xff\xfa\x00")}, "not text in UTF-8"),
        ({"file": SimpleUploadedFile("x.csv", b"x" * (1024 * 1024 + 1))}, "larger than 1 MiB"),
        ({"file": SimpleUploadedFile("x.csv", b"")}, "empty"),
        ({"text": "q\0,a"}, "can&#x27;t be stored"),
        ({"text": "\n".join(f"q{n},a" for n in range(2001))}, "more than 2,000"),
    ],
    ids=["nothing", "both", "bytes", "large", "empty", "nul", "many"],
)
def test_a_wrong_file_is_refused_with_what_to_do(
    as_alice: Client, faq: Chatflow, data: dict[str, object], says: str
) -> None:
    for value in data.values():
        if isinstance(value, SimpleUploadedFile):
            value.seek(0)
    response = as_alice.post(url(faq.id, "faq_import"), {"existing": "keep", **data})
    assert response.status_code == 422
    assert says in response.content.decode()


def test_only_what_this_chatflow_previewed_is_imported(
    as_alice: Client, faq: Chatflow, acme: Team
) -> None:
    other = factories.chatflow(acme, "Other")
    for packed in (preview(as_alice, other, "q,a"), "", "x", "🔑", "a:b:c"):
        response = as_alice.post(url(faq.id, "faq_import_save"), {"packed": packed}, follow=True)
        assert "That preview is too old" in response.content.decode()
    assert not FaqEntry.objects.exists()


def test_the_largest_import_comes_through(as_alice: Client, faq: Chatflow) -> None:
    text = "\n".join(f"Question {n}?,{'word ' * 95}answer {n}" for n in range(2000))
    packed = preview(as_alice, faq, text)
    as_alice.post(url(faq.id, "faq_import_save"), {"packed": packed})
    assert FaqEntry.objects.count() == 2000
    body = as_alice.get(url(faq.id, "chatflow_engine")).content.decode()
    assert "1 to 50 of 2,000" in body
    found = as_alice.get(url(faq.id, "chatflow_engine"), {"q": "answer 1999"}).content.decode()
    assert "Question 1999?" in found
    assert "Question 1998?" not in found


def test_the_export_is_a_csv_of_this_chatflow_alone(
    as_alice: Client, faq: Chatflow, acme: Team
) -> None:
    faq_entries.add(faq, "=1+1?", 'Say "2".', factories.TESTER)
    faq_entries.add(factories.chatflow(acme, "Other"), "Other?", "Other.", factories.TESTER)
    response = as_alice.get(url(faq.id, "faq_export"))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="support-faq-faq.csv"'
    text = response.content.decode("utf-8-sig")
    assert text == 'question,answer\r\n\'=1+1?,"Say ""2""."\r\n'
    assert pairs(text) == [("=1+1?", 'Say "2".')]


@pytest.mark.parametrize(
    ("text", "added", "bad"),
    [
        ("sep=;\r\nquestion;answer\r\nHow long?;Two days.\r\nWhere?;Here.\r\n", 2, 0),
        ("question,answer\nHow long?,Two days, or three, if busy", 0, 1),
        ("Questions,Answers\nWhere?,Here.", 1, 0),
        ("Q,A\nWhere?,Here.", 1, 0),
        ("Frage;Antwort\nWo?;Hier.", 1, 0),
        ("## How?\n\n````\n```\n# not a heading\n```\n````\n\n## Where?\nHere.\n", 2, 0),
    ],
)
def test_what_a_preview_says_is_what_an_import_does(
    as_alice: Client, faq: Chatflow, text: str, added: int, bad: int
) -> None:
    response = as_alice.post(url(faq.id, "faq_import"), {"text": text, "existing": "keep"})
    assert len(response.context["plan"].added) == added
    assert response.context["bad_count"] == bad
    as_alice.post(url(faq.id, "faq_import_save"), {"packed": response.context["packed"]})
    assert FaqEntry.objects.count() == added


@pytest.mark.parametrize(("choice", "added"), [({}, 1), ({"first_line": "entry"}, 2)])
def test_a_line_that_looks_like_a_header_is_an_entry_only_if_somebody_says_so(
    as_alice: Client, faq: Chatflow, choice: dict[str, str], added: int
) -> None:
    text = "Topic,Text\nHow long does it take?,It takes two days."
    response = as_alice.post(url(faq.id, "faq_import"), {"text": text, "existing": "keep"})
    page = response.content.decode()
    assert "looks like a header" in page
    assert ">Import</button>" in page  # with the tick it would be one answer more
    packed = response.context["packed"]
    done = as_alice.post(
        url(faq.id, "faq_import_save"), {"packed": packed, **choice}, follow=True
    ).content.decode()
    assert f"{added} added" in done
    assert FaqEntry.objects.filter(question="Topic").exists() is (added == 2)


def test_columns_that_are_left_out_are_shown_with_some_of_their_cells(
    as_alice: Client, faq: Chatflow
) -> None:
    text = "id,question,answer,Topic\n1,How long?,Two days,or three"
    page = as_alice.post(url(faq.id, "faq_import"), {"text": text, "existing": "keep"})
    words = " ".join(page.content.decode().split())
    assert '<b class="name">id</b>, such as “1”' in words
    assert '<b class="name">Topic</b>, such as “or three”' in words
