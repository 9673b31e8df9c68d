"""FAQ files: read questions and answers from CSV or markdown, and write them as CSV. Pure."""

import codecs
import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from accounts.spreadsheets import armed, disarmed
from chatflows.faq import csv_lines, markdown_lines
from chatflows.faq.found import BadLine, OtherColumn, Row

MAX_BYTES = 1024 * 1024  # of a file or a pasted text
MAX_ROWS = 2000  # entries in one import
MAX_QUESTION, MAX_ANSWER = 500, 8000  # characters, as the model has them
MAX_LINES = 100_000  # most of them empty, if the entries are no more than that
MAX_BAD_LINES = 100  # these are named, the others are counted
_UNICODE = (  # the longer mark first: it begins with the shorter
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ZEROS = re.compile(rb"\A(?:(\0[^\0])|[^\0]\0)(?s:.)")  # an ASCII letter in UTF-16 without a mark


class Unreadable(Exception):
    """Raised for a file that can't be read at all. The message says what to do."""


@dataclass(slots=True)
class Reading:
    """What was read from a file, in its order. Each entry and each bad line has its number."""

    rows: list[Row] = field(default_factory=list)
    bad_lines: list[BadLine] = field(default_factory=list)
    # A first line that may name the columns in words that we don't know. It is not among the rows.
    maybe_header: Row | None = None
    other_columns: list[OtherColumn] = field(default_factory=list)


def text_of(data: bytes) -> str:
    """Decode an uploaded file. Raises Unreadable."""
    if len(data) > MAX_BYTES:
        raise Unreadable("The file is larger than 1 MiB. Split it.")
    encoding = next((name for mark, name in _UNICODE if data.startswith(mark)), "utf-8-sig")
    if zeros := _ZEROS.match(data):
        encoding = "utf-16-be" if zeros[1] else "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable("The file is not text in UTF-8. Save it as “CSV UTF-8”.") from None


def is_markdown(text: str, name: str = "") -> bool:
    """Whether a text is markdown rather than CSV, by the file's name or else by its headings."""
    if name.lower().endswith((".md", ".markdown")):
        return True
    if name.lower().endswith((".csv", ".tsv")):
        return False
    text = text.removeprefix("\ufeff")
    if markdown_lines.begins(text):
        return True
    if _has_too_many_lines(text) or csv_lines.has_header(text):
        return False
    # A heading inside a cell of several lines is part of an answer.
    return not markdown_lines.heading_lines(text) <= csv_lines.lines_of_cells(text)


def parse(text: str, *, markdown: bool) -> Reading:
    """Read entries and bad lines. Raises Unreadable as soon as there are too many of them."""
    text = text.removeprefix("\ufeff").rstrip("\r\n")
    if _has_too_many_lines(text):
        raise Unreadable(
            f"There are more than {MAX_LINES:,} lines. Split the file, or take empty lines out."
        )
    reading = Reading()
    for one in markdown_lines.read(text) if markdown else csv_lines.read(text):
        found = _checked(one) if isinstance(one, Row) else one
        if isinstance(found, BadLine):
            reading.bad_lines.append(found)
        elif isinstance(found, OtherColumn):
            reading.other_columns.append(found)
        elif found.may_be_header:
            reading.maybe_header = found
        else:
            reading.rows.append(found)
        if len(reading.rows) > MAX_ROWS:
            raise Unreadable(f"There are more than {MAX_ROWS:,} entries. Split the file.")
        if len(reading.bad_lines) > MAX_ROWS:
            first = reading.bad_lines[0]
            raise Unreadable(
                f"More than {MAX_ROWS:,} lines can't be read. Line {first.line}: {first.why}."
            )
    return reading


def _has_too_many_lines(text: str) -> bool:
    return max(text.count("\n"), text.count("\r")) >= MAX_LINES


def to_csv(entries: Iterable[tuple[str, str]]) -> str:
    """Write a CSV for spreadsheets. Cells that would run as formulas are disarmed."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("question", "answer"))
    writer.writerows([disarmed(question), disarmed(answer)] for question, answer in entries)
    return out.getvalue()


def same_question(question: str) -> str:
    """Return the form by which questions are compared: case and spaces don't count."""
    return " ".join(question.split()).casefold()


def _checked(found: Row) -> Row | BadLine:
    question, answer = armed(found.question.strip()), armed(found.answer.strip())
    why = ""
    if not question:
        why = "no question"
    elif not answer:
        why = "no answer"
    elif "\0" in question + answer:
        why = "a character that is no text"
    elif len(question) > MAX_QUESTION:
        why = f"a question of {len(question):,} characters; at most {MAX_QUESTION} fit"
    elif len(answer) > MAX_ANSWER:
        why = f"an answer of {len(answer):,} characters; at most {MAX_ANSWER:,} fit"
    if why:
        return BadLine(found.line, why)
    return Row(found.line, question, answer, found.may_be_header)
