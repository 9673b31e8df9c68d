"""CSV as programs and people write it: with commas, semicolons, tabs or bars, named columns or not.

What can't be read for certain is a bad line with its number, never a guess.
"""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from chatflows.faq import csv_headers
from chatflows.faq.csv_headers import Columns
from chatflows.faq.found import BadLine, Found, OtherColumns, Row

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 50  # records that the delimiter is told by
# Excel's first line, which names the delimiter of the others.
_SEP = re.compile(
    r'\s*"?sep=(?P<sign>\\t|[^\w\s"\'\\]|\t)"?[ ;,\t|]*(?P<end>\r\n|\r|\n|\Z)', re.IGNORECASE
)
# The csv module's own limit would end a long cell in its middle and read on there.
csv.field_size_limit(16 * 1024 * 1024)


class _Record(NamedTuple):
    line: int
    cells: list[str]
    why: str = ""  # why it could not be read


def read(text: str) -> Iterator[Found]:
    """Yield entries and bad lines, and of a header the columns that are left out."""
    start, lines_before, delimiter = 0, 0, ""
    if sep := _SEP.match(text):
        start = sep.end()
        lines_before = _breaks(text[:start])
        delimiter = sep["sign"].replace("\\t", "\t")
    rest = text[start:]
    delimiter = delimiter or _delimiter(rest)
    records = _records(rest, delimiter, lines_before)
    first = next(records, None)
    if first is None:
        return
    columns = csv_headers.columns(first.cells)
    if columns:
        yield OtherColumns(columns.others)
    else:
        second = next(records, None)
        following = second.cells if second else []
        may_be_header = csv_headers.may_be(first.cells, following)
        yield _found(first, None, may_be_header=may_be_header)
        if second:
            yield _found(second, None)
    for record in records:
        yield _found(record, columns)


def _found(record: _Record, columns: Columns | None, *, may_be_header: bool = False) -> Found:
    line, cells, why = record
    if why:
        return BadLine(line, why)
    count = columns.width if columns else 2
    while len(cells) > count and not cells[-1].strip():
        cells.pop()  # spreadsheets fill lines up with empty cells
    if columns and len(cells) > count:
        return BadLine(
            line,
            f"{len(cells)} cells, and the first line has {count}; "
            "put a text that holds the delimiter in quotes",
        )
    if columns:
        question, answer = (
            [*cells, *[""] * count][at] for at in (columns.question, columns.answer)
        )
        return Row(line, question, answer)
    if len(cells) != 2:
        s = "" if len(cells) == 1 else "s"
        return BadLine(line, f"{len(cells)} column{s}; a question and an answer make 2")
    return Row(line, cells[0], cells[1], may_be_header)


def _delimiter(text: str) -> str:
    """Return the delimiter under which the first line is a header, or else most lines are pairs."""
    samples = {sign: list(islice(_records(text, sign), SAMPLE)) for sign in DELIMITERS}
    for sign, records in samples.items():
        if records and csv_headers.columns(records[0].cells):
            return sign
    return max(DELIMITERS, key=lambda sign: sum(len(one.cells) == 2 for one in samples[sign]))


def _records(text: str, delimiter: str, lines_before: int = 0) -> Iterator[_Record]:
    """Yield the lines that are not blank, or as many lines together as quotes hold together."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _unread(text, delimiter, (start, reader.line_num), str(error), lines_before)
            continue
        if any(map(str.strip, cells)):
            yield _Record(start + lines_before, cells)


def _unread(
    text: str, delimiter: str, lines: tuple[int, int], error: str, lines_before: int
) -> _Record:
    start, end = lines
    if "unexpected end" in error:
        line = lines_before + _open_quote(text, delimiter, start)
        return _Record(line, [], "a quote begins here and never ends; nothing below it was read")
    until = "" if start == end else f" in line {end + lines_before}"
    return _Record(
        start + lines_before,
        [],
        f"a quote ends{until} before the cell does; write a quote inside a cell twice",
    )


def _open_quote(text: str, delimiter: str, start: int) -> int:
    """Return the line of the quote that never ends, in the record that begins in line `start`."""
    sign = re.escape(delimiter)
    cell = re.compile(rf' *(?:"[^"]*(?:""[^"]*)*"|(?!")[^{sign}\r\n]*)(?:{sign}|\r\n|\r|\n)')
    lines = io.StringIO(text, newline="")
    at = sum(len(line) for line in islice(lines, start - 1))
    begin = at
    while found := cell.match(text, at):
        at = found.end()
    return start + _breaks(text[begin:at])


def _breaks(text: str) -> int:
    return len(re.findall(r"\r\n|\r|\n", text))
