"""What the readers of FAQ files find: entries, and lines that give none."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A question with its answer, and the line where it begins."""

    line: int
    question: str
    answer: str
    may_be_header: bool = False


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that gives no entry, and the reason."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class OtherColumn:
    """A column of a CSV that is left out, and some of its cells."""

    name: str
    cells: tuple[str, ...] = ()


Found = Row | BadLine | OtherColumn
