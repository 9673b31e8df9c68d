"""The audit trail in a dump of PostgreSQL: each chain is checked without a database."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.db import models

from accounts import audit
from accounts.audit import Broken
from accounts.models import AuditEvent
from config.copies import postgres_copies

_END = b"\\.\n"
_ESCAPED = re.compile(r"\\(.)")
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_READ: dict[str, Callable[[str], Any]] = {
    "UUIDField": UUID,
    "DateTimeField": datetime.fromisoformat,
    "JSONField": json.loads,
    "BigAutoField": int,
    "PositiveBigIntegerField": int,
    "PositiveIntegerField": int,
}


def broken(dump: Path, links: Mapping[str, str]) -> dict[UUID, Broken]:
    """Return the first place where each chain of a dump does not hold.

    `links` are the last ones, by chain. Raises Refused or Unavailable.
    """
    found: dict[UUID, Broken] = {}
    reached: dict[UUID, audit.Link] = {}
    waiting: dict[tuple[UUID, int], AuditEvent] = {}  # rows lie in the order of their places
    with postgres_copies.dumped_rows(dump, AuditEvent._meta.db_table) as lines:
        for read in _events(lines):
            waiting[read.team_id, read.sequence] = read
            link = reached.get(read.team_id, audit.Link())
            while event := waiting.pop((read.team_id, link.sequence + 1), None):
                if fault := audit.fault(event, link):
                    found.setdefault(event.team_id, fault)
                link = audit.Link.of(event)
            reached[read.team_id] = link
    for team_id, _ in waiting:
        found.setdefault(team_id, Broken(reached[team_id].sequence + 1, "a row is missing"))
    for name, last in links.items():
        link = reached.get(UUID(name), audit.Link())
        if last != f"{link.sequence}:{link.mac}":
            found.setdefault(UUID(name), Broken(link.sequence + 1, "the end was cut"))
    return found


def _events(lines: IO[bytes]) -> Iterator[AuditEvent]:
    names: list[str] = []
    for line in lines:
        if not names:
            head = re.match(rb"COPY \S+ \((.*)\) FROM stdin;", line)
            names = head[1].decode().replace('"', "").split(", ") if head else []
        elif line == _END:
            return
        else:
            values = line.decode().removesuffix("\n").split("\t")
            yield AuditEvent(**{n: read_value(n, v) for n, v in zip(names, values, strict=True)})


def read_value(name: str, text: str) -> Any:
    """Return a column's value from COPY's text."""
    if text == r"\N":
        return None
    if "\\" in text:
        text = _ESCAPED.sub(lambda found: _LETTERS.get(found[1], found[1]), text)
    field = AuditEvent._meta.get_field(name)
    assert isinstance(field, models.Field)
    return _READ.get(field.get_internal_type(), str)(text)
