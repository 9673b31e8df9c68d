"""FAQ files: read questions and answers from CSV or markdown, and write them as CSV. Pure."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from accounts.spreadsheets import armed, disarmed

MAX_BYTES = 1024 * 1024  # of a file or a pasted text
MAX_ROWS = 2000  # entries in one import
MAX_QUESTION, MAX_ANSWER = 500, 8000  # characters, as the model has them
MAX_BAD_LINES = 100  # these are named, the others are counted
DELIMITERS = (",", ";", "\t")
COLUMNS = ("question", "answer")
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")


class Unreadable(Exception):
    """Raised for a file that can't be read at all. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question with its answer, and the line where it begins."""

    line: int
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that gives no entry, and the reason."""

    line: int
    why: str


Found = Row | BadLine


def text_of(data: bytes) -> str:
    """Decode an uploaded file. Raises Unreadable."""
    if len(data) > MAX_BYTES:
        raise Unreadable("The file is larger than 1 MiB. Split it.")
    is_utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The file is not text in UTF-8. Save it as “CSV UTF-8”.") from None


def is_markdown(text: str, name: str = "") -> bool:
    """Whether a text is markdown rather than CSV, by the file's name or else by its first line."""
    if name.lower().endswith((".md", ".markdown")):
        return True
    if name.lower().endswith((".csv", ".tsv")):
        return False
    return bool(_HEADING.match(text.lstrip("\ufeff \t\r\n").split("\n", 1)[0].rstrip("\r")))


def parse(text: str, *, markdown: bool) -> tuple[list[Row], list[BadLine]]:
    """Read entries and bad lines, in the file's order. Raises Unreadable for too many entries."""
    text = text.removeprefix("\ufeff")
    found = list(map(_checked, _of_markdown(text) if markdown else _of_csv(text)))
    rows = [one for one in found if isinstance(one, Row)]
    if len(rows) > MAX_ROWS:
        raise Unreadable(f"There are {len(rows):,} entries. At most {MAX_ROWS:,} go in at once.")
    return rows, [one for one in found if isinstance(one, BadLine)]


def to_csv(entries: Iterable[tuple[str, str]]) -> str:
    """Write a CSV for spreadsheets. Cells that would run as formulas are disarmed."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([disarmed(question), disarmed(answer)] for question, answer in entries)
    return out.getvalue()


def same_question(question: str) -> str:
    """Return the form by which questions are compared: case and spaces don't count."""
    return " ".join(question.split()).casefold()


def _checked(found: Found) -> Found:
    if isinstance(found, BadLine):
        return found
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
    return BadLine(found.line, why) if why else Row(found.line, question, answer)


def _of_csv(text: str) -> Iterator[Found]:
    tries = [list(_records(text, delimiter)) for delimiter in DELIMITERS]
    # The delimiter is probably the one that most lines have exactly once.
    records = max(tries, key=lambda found: sum(len(cells) == 2 for _, cells in found))
    for one in tries:
        if one and _positions(one[0][1]) is not None:
            records = one
    places = _positions(records[0][1]) if records else None
    for line, cells in records[1:] if places else records:
        if places is not None:
            picked = [cells[place] if place < len(cells) else "" for place in places]
            yield Row(line, picked[0], picked[1])
        elif len(cells) == 2:
            yield Row(line, cells[0], cells[1])
        else:
            s = "" if len(cells) == 1 else "s"
            yield BadLine(line, f"{len(cells)} column{s}; a question and an answer make 2")


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a cell over the csv module's own limit
            cells = ["", "", ""]
        if any(cell.strip() for cell in cells) or len(cells) == 3:
            yield line, cells


def _positions(header: Sequence[str]) -> tuple[int, int] | None:
    names = [cell.strip().lower() for cell in header]
    if not set(COLUMNS) <= set(names):
        return None
    return names.index(COLUMNS[0]), names.index(COLUMNS[1])


def _of_markdown(text: str) -> Iterator[Found]:
    """Read headings as questions, and the text below each as its answer.

    A heading directly above a deeper one is a title, not a question.
    """
    sections = list(_sections(text.splitlines()))
    for n, (line, depth, heading, below) in enumerate(sections):
        deeper = n + 1 < len(sections) and sections[n + 1][1] > depth
        if depth == 0:
            if below:
                yield BadLine(line, "text above the first heading")
        elif below or not deeper:
            yield Row(line, heading, below)


def _sections(lines: Sequence[str]) -> Iterator[tuple[int, int, str, str]]:
    start, depth, heading, below, is_code = 1, 0, "", list[str](), False
    for number, line in enumerate(lines, 1):
        if _FENCE.match(line):
            is_code = not is_code
        found = None if is_code else _HEADING.match(line)
        if found is None:
            below.append(line)
            continue
        yield start, depth, heading, "\n".join(below).strip()
        start, depth, heading, below = number, len(found[1]), found[2], []
    yield start, depth, heading, "\n".join(below).strip()
