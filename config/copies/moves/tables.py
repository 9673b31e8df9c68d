"""The tables that move: those of all models, and how their values are read from SQLite."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it may hold on PostgreSQL."""

    name: str
    kind: str  # as Django's fields name it
    longest: int | None = None  # characters
    least: int | None = None
    most: int | None = None

    @property
    def is_text(self) -> bool:
        """Whether a zero byte could be in it."""
        return self.longest is not None or self.kind in ("TextField", "JSONField")


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its columns. `key` is the column that names a row."""

    name: str
    key: str
    columns: tuple[Column, ...]
    has_sequence: bool

    @property
    def select(self) -> str:
        """The statement that reads all rows.

        Values are read as they are stored: PostgreSQL reads SQLite's texts of times (in UTC), of
        UUIDs, and its 0 and 1. Intervals are numbers of microseconds there.
        """
        values = (
            f"\"{column.name}\" || ' microseconds'"
            if column.kind == "DurationField"
            else f'"{column.name}"'
            for column in self.columns
        )
        return f'SELECT {", ".join(values)} FROM "{self.name}"'  # noqa: S608 (ours)

    @property
    def copy(self) -> str:
        """The statement that takes the rows on PostgreSQL."""
        names = ", ".join(f'"{column.name}"' for column in self.columns)
        return f'COPY "{self.name}" ({names}) FROM STDIN'


def tables(target: BaseDatabaseWrapper) -> Iterator[Table]:
    """Return the tables of all models, as they are on PostgreSQL."""
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.proxy or not meta.managed:
            continue
        columns = tuple(_column(field, target) for field in meta.concrete_fields)
        has_sequence = isinstance(meta.pk, models.AutoField)
        yield Table(meta.db_table, str(meta.pk.column), columns, has_sequence)


def _column(field: "models.Field[Any, Any]", target: BaseDatabaseWrapper) -> Column:
    stored = field
    while isinstance(stored, models.ForeignKey):
        stored = stored.target_field
    kind = stored.get_internal_type()
    least: int | None = None
    most: int | None = None
    if kind in target.ops.integer_field_ranges:
        least, most = target.ops.integer_field_range(kind)
    longest = stored.max_length if isinstance(stored, models.CharField) else None
    return Column(str(field.column), kind, longest, least, most)
