"""CSV as programs and people write it: with commas, semicolons, tabs or bars, named columns or not.

What can't be read for certain is a bad line with its number, never a guess.
"""

import csv
import io
import re
from collections.abc import Iterator
from itertools import chain, islice, pairwise
from typing import NamedTuple

from chatflows.faq import csv_headers
from chatflows.faq.csv_headers import Columns
from chatflows.faq.found import BadLine, Found, OtherColumn, Row

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 50  # records that the delimiter is told by
FIRST = 10  # records that may hold the header; what stands above it is a title
SHOWN_CELLS = 3  # of each column that is left out
# Excel's first line, which names the delimiter of the others.
_SEP = re.compile(
    r'\s*"?sep=(?P<sign>\\t|[^\w\s"\'\\]|\t)"?[ ;,\t|]*(?P<end>\r\n|\r|\n|\Z)', re.IGNORECASE
)
_QUOTED = re.compile(r'"[^"]*"')
_RULE = re.compile(r":?-+:?")  # a cell below the header of a table in markdown
# The csv module's own limit would end a long cell in its middle and read on there.
csv.field_size_limit(16 * 1024 * 1024)


class _Record(NamedTuple):
    line: int
    cells: list[str]
    why: str = ""  # why it could not be read
    text: str = ""


class _Reader:
    """Reads records by the columns of the last header."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._columns: Columns | None = None
        self._others: dict[str, list[str]] = {}  # cells that are left out, by column

    def read(self, records: Iterator[_Record]) -> Iterator[Found]:
        """Yield what is found, and at last the columns that are left out."""
        first = list(islice(records, FIRST))
        headers = (n for n, one in enumerate(first) if csv_headers.columns(one.cells))
        header = next(headers, 0)
        for above in first[:header]:
            yield BadLine(above.line, above.why or "text above the header")
        following = first[1].cells if len(first) > 1 else []
        asks = bool(first) and header == 0 and csv_headers.may_be(first[0].cells, following)
        for record in chain(first[header:], records):
            if found := self._found(record, may_be_header=asks):
                yield found
            asks = False
        for name, cells in self._others.items():
            yield OtherColumn(name, tuple(cells))

    def _found(self, record: _Record, *, may_be_header: bool) -> Found | None:
        line, cells, why, _ = record
        if why:
            return BadLine(line, why)
        columns = csv_headers.columns(cells)
        if columns:  # the first header, or that of a file that was joined on
            self._columns = columns
            for name in filter(None, columns.others.values()):
                self._others.setdefault(name, [])
            return None
        if _is_rule(cells):
            return None
        if self._columns:
            return self._picked(record, self._columns)
        _drop_empty(cells, 2)
        if len(cells) != 2:
            s = "" if len(cells) == 1 else "s"
            return BadLine(line, f"{len(cells)} column{s}; a question and an answer make 2")
        return Row(line, cells[0], cells[1], may_be_header)

    def _picked(self, record: _Record, columns: Columns) -> Found:
        line, cells = record.line, record.cells
        _drop_empty(cells, columns.width)
        if len(cells) > columns.width:
            return BadLine(
                line,
                f"{len(cells)} cells, and the header has {columns.width}; "
                "put a text that holds the delimiter in quotes",
            )
        if (
            columns.width > 2
            and len(cells) > 2
            and self._goes_on(record.text, min(columns.question, columns.answer))
        ):
            return BadLine(
                line,
                "a cell begins with a blank, so it may belong to the text before it; "
                "put a text that holds the delimiter in quotes, or take the blank out",
            )
        for at, name in columns.others.items():
            if at < len(cells) and (cell := cells[at].strip()):
                shown = self._others.setdefault(name or f"column {at + 1}", [])
                if len(shown) < SHOWN_CELLS:
                    shown.append(cell)
        question, answer = (
            [*cells, *[""] * columns.width][at] for at in (columns.question, columns.answer)
        )
        return Row(line, question, answer)

    def _goes_on(self, text: str, start: int) -> bool:
        """Whether a delimiter behind cell `start` reads as a sign of the text, as in "two, or".

        A cell in quotes is meant as one, and so is one with blanks on both sides of its delimiter.
        """
        cells = [found[1] for found in _cell(self._delimiter).finditer(f"{text}\n")][start:]
        return any(
            cell[:1].isspace() and cell.lstrip()[:1] not in ("", '"') and not before[-1:].isspace()
            for before, cell in pairwise(cells)
        )


def read(text: str) -> Iterator[Found]:
    """Yield entries and bad lines, then the columns that are left out."""
    rest, delimiter, lines_before = _without_sep(text)
    told = [delimiter] if delimiter else _delimiters(rest)
    if len(told) > 1:
        first, second = (sign.replace("\t", "\\t") for sign in told)
        why = f"“{first}” or “{second}” may part the cells; put sep={first} or sep={second}"
        yield BadLine(1, f"{why} in a line of its own above them; nothing was read")
        return
    yield from _Reader(told[0]).read(_records(rest, told[0], lines_before))


def has_header(text: str) -> bool:
    """Whether one of the first records names the columns."""
    rest, delimiter, _ = _without_sep(text)
    return any(_is_headed(_sample(rest, sign)) for sign in (delimiter or DELIMITERS))


def lines_of_cells(text: str) -> set[int]:
    """Return the lines that belong to a cell of more than one line."""
    rest, delimiter, lines_before = _without_sep(text)
    sign = delimiter or _delimiters(rest)[0]
    found = set[int]()
    for record in _records(rest, sign, lines_before):
        if len(record.cells) > 1:
            breaks = _breaks(record.text.rstrip("\r\n"))
            found.update(range(record.line + 1, record.line + breaks + 1))
    return found


def _without_sep(text: str) -> tuple[str, str, int]:
    """Return the text below Excel's first line, the delimiter that it names, and its lines."""
    sep = _SEP.match(text)
    if sep is None:
        return text, "", 0
    start = sep.end()
    return text[start:], sep["sign"].replace("\\t", "\t"), _breaks(text[:start])


def _is_rule(cells: list[str]) -> bool:
    told = [cell.strip() for cell in cells if cell.strip()]
    return bool(told) and all(map(_RULE.fullmatch, told))


def _drop_empty(cells: list[str], count: int) -> None:
    while len(cells) > count and not cells[-1].strip():
        cells.pop()  # spreadsheets fill lines up with empty cells


def _delimiters(text: str) -> list[str]:
    """Return the delimiter under which a header is found, or else most lines are pairs.

    Two are returned if nothing tells which of them it is.
    """
    samples = {sign: _sample(text, sign) for sign in DELIMITERS}
    for sign, records in samples.items():
        if _is_headed(records):
            return [sign]
    score = {sign: _score(records, sign) for sign, records in samples.items()}
    best, *others = sorted(DELIMITERS, key=lambda sign: score[sign], reverse=True)
    pairs, clear = score[best]
    for sign in others:
        is_as_good = score[sign] == score[best]
        # Each delimiter of the best reads as a comma in a sentence, and those of this one do not.
        is_clearer = clear == 0 and 2 * score[sign][1] >= pairs
        if pairs and (is_as_good or is_clearer):
            return [best, sign]
    return [best]


def _score(records: list[_Record], sign: str) -> tuple[int, int]:
    """Return how many records are pairs, and in how many of them no blank follows the delimiter."""
    pairs = [one for one in records if len(one.cells) == 2]
    clear = re.compile(f"{re.escape(sign)}(?! )")
    return len(pairs), sum(clear.search(_QUOTED.sub("", one.text)) is not None for one in pairs)


def _sample(text: str, sign: str) -> list[_Record]:
    return list(islice(_records(text, sign), SAMPLE))


def _is_headed(records: list[_Record]) -> bool:
    return any(csv_headers.columns(one.cells) for one in records[:FIRST])


def _records(text: str, delimiter: str, lines_before: int = 0) -> Iterator[_Record]:
    """Yield the lines that are not blank, or as many lines together as quotes hold together."""
    lines = list[str]()

    def remembered() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            lines.append(line)
            yield line

    reader = csv.reader(remembered(), delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        lines.clear()
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _unread(text, delimiter, (start, reader.line_num), str(error), lines_before)
            continue
        if any(map(str.strip, cells)):
            yield _Record(start + lines_before, cells, text="".join(lines))


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
    cell = _cell(delimiter)
    lines = io.StringIO(text, newline="")
    at = sum(len(line) for line in islice(lines, start - 1))
    begin = at
    while found := cell.match(text, at):
        at = found.end()
    return start + _breaks(text[begin:at])


def _cell(delimiter: str) -> re.Pattern[str]:
    """Return what a cell is, with its blanks and quotes, and with the sign that ends it."""
    sign = re.escape(delimiter)
    return re.compile(rf'( *+(?:"[^"]*(?:""[^"]*)*"|(?!")[^{sign}\r\n]*))(?:{sign}|\r\n|\r|\n)')


def _breaks(text: str) -> int:
    return len(re.findall(r"\r\n|\r|\n", text))
