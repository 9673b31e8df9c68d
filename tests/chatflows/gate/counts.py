"""Admission over counts that a test keeps itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from chatflows.calls.tallies import Name, Tallies
from chatflows.gate.admission import Admission


def admission(counts: Mapping[Name, int] | None = None) -> Admission:
    """Return the admission of a process whose database says these counts."""
    known = counts if counts is not None else {}

    async def read(subjects: Sequence[UUID], periods: Sequence[str]) -> Mapping[Name, int]:
        return {name: known[name] for name in known if name[0] in subjects and name[1] in periods}

    return Admission(Tallies(read))


async def never_asked(task: Callable[[], Any]) -> Any:
    """Stand for the recorder's thread where nothing is spent."""
    raise AssertionError("nothing limits what is spent")
