"""Bulk inserts: one statement for many rows, on both databases.

The recorder's thread shares the interpreter with the event loop. A statement for each row would
take the interpreter and give it back with every row, and answers would wait each time. One
statement for all rows runs beside the loop (docs/adr/0010).
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Protocol

import orjson
from django.db import connection, models

from accounts.models import Team

GIVEN = "{given}"  # stands for the given rows in a statement
MAX_ROWS = 256  # of one SQLite statement

Row = Sequence[Any]  # UUIDs, datetimes in UTC, strings, numbers, booleans and None


class Given(Protocol):
    """Given rows, with values for columns of one or more models, in that order.

    A statement reads them from GIVEN in its FROM. `given["column"]` is one column's value.
    """

    ordered: str  # ends a SELECT that keeps the rows' order

    def __getitem__(self, column: str) -> str: ...

    def all(self, columns: Sequence[str]) -> str:
        """Return the values of some columns, for a SELECT."""

    def execute(self, statement: str, rows: Sequence[Row]) -> None:
        """Run a statement with the rows. Raises as the ORM, or ValueError for half a character."""


def given(*columns: tuple[type[models.Model], Sequence[str]]) -> Given:
    """Return the Given for these columns on the connected database."""
    fields = [field for model, names in columns for field in _fields(model, names)]
    return (_Json if connection.vendor == "postgresql" else _Values)(fields)


class _Columns:
    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def __getitem__(self, column: str) -> str:
        return self._values[column]

    def all(self, columns: Sequence[str]) -> str:
        return ", ".join([self._values[column] for column in columns])


class _Json(_Columns):
    """On PostgreSQL the rows are one JSON text, which the database takes apart."""

    ordered = " ORDER BY given.place"

    def __init__(self, fields: "Sequence[models.Field[Any, Any]]") -> None:
        super().__init__({str(f.column): self._value(n, f) for n, f in enumerate(fields)})

    def execute(self, statement: str, rows: Sequence[Row]) -> None:
        source = "json_array_elements(%s::json) WITH ORDINALITY AS given(value, place)"
        try:
            text = orjson.dumps(rows).decode()
        except TypeError as error:  # orjson refuses half a surrogate pair
            raise ValueError from error
        with connection.cursor() as cursor:
            cursor.execute(statement.format(given=source), [text])

    @staticmethod
    def _value(number: int, field: "models.Field[Any, Any]") -> str:
        # Without a length: a cast to `varchar(30)` would cut what the column must refuse.
        kind = (field.db_type(connection) or "text").partition("(")[0]
        return f"CAST(given.value ->> {number} AS {kind})"


class _Values(_Columns):
    """On SQLite the rows are parameters. Taking JSON apart there costs twice as much."""

    ordered = ""  # the given rows are the outer loop of every join here

    def __init__(self, fields: "Sequence[models.Field[Any, Any]]") -> None:
        super().__init__({str(f.column): f"given.column{n + 1}" for n, f in enumerate(fields)})
        self._width = len(fields)
        kinds = [getattr(field, "target_field", field) for field in fields]  # of a foreign key
        self._ids = [n for n, kind in enumerate(kinds) if isinstance(kind, models.UUIDField)]
        self._truths = [n for n, f in enumerate(fields) if isinstance(f, models.BooleanField)]
        self._moments = [n for n, f in enumerate(fields) if isinstance(f, models.DateTimeField)]

    def execute(self, statement: str, rows: Sequence[Row]) -> None:
        adapted = self._adapted(rows)
        connection.ensure_connection()
        # Django's cursor replaces each %s of the statement, which costs as much as the insert.
        with connection.wrap_database_errors:
            for some in self._pieces(adapted):
                values = [*chain.from_iterable(some)]
                connection.connection.execute(_values_of(statement, self._width, len(some)), values)

    def _pieces(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        """Cut rows into powers of two: SQLite compiles a statement once for each length."""
        limit = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        size = min(MAX_ROWS, limit // self._width)
        start = 0
        while start < len(rows):
            while size > len(rows) - start:
                size = 1 << ((len(rows) - start).bit_length() - 1)
            yield rows[start : start + size]
            start += size

    def _adapted(self, rows: Sequence[Row]) -> list[list[Any]]:
        """Return the rows with their values as Django stores them."""
        adapted = [[*row] for row in rows]
        texts: dict[int, str] = {}  # by id(): the rows of a batch share most of their UUIDs
        for values in adapted:
            for place in self._ids:
                value = values[place]
                if value is not None:
                    values[place] = texts.get(id(value)) or texts.setdefault(
                        id(value), str(value).replace("-", "")
                    )
            for place in self._truths:  # for a bool the driver would look for an adapter
                values[place] = int(values[place])
            for place in self._moments:
                if values[place] is not None:
                    values[place] = values[place].isoformat(" ", "microseconds")[:26]
        return adapted


@lru_cache(maxsize=128)
def _values_of(statement: str, width: int, rows: int) -> str:
    row = f"({', '.join(['?'] * width)})"
    return statement.format(given=f"(VALUES {', '.join([row] * rows)}) AS given")


def table(model: type[models.Model]) -> str:
    """Return the quoted name of a model's table."""
    return connection.ops.quote_name(model._meta.db_table)


def names(columns: Sequence[str]) -> str:
    """Return the quoted names of columns."""
    return ", ".join(map(connection.ops.quote_name, columns))


def sums(model: type[models.Model], columns: Sequence[str]) -> list[str]:
    """Return assignments for `upsert` that add what is given to what is stored."""
    stored = table(model)
    return [f"{name} = {stored}.{name} + excluded.{name}" for name in columns]


def upsert(
    model: type[models.Model],
    columns: Sequence[str],
    once: Sequence[str],
    changes: Sequence[str],
    rows: Sequence[Row],
) -> None:
    """Insert rows of a team's table, or change those that are there, in one statement.

    `once` are the columns of a unique constraint, which no two given rows may share. `changes` are
    assignments for a row that is there already; `excluded` is the given one. A row whose team is
    gone is left out.
    """
    if not rows:
        return
    values, team = given((model, columns)), table(Team)
    values.execute(
        f"INSERT INTO {table(model)} ({names(columns)}) "  # noqa: S608 (our own names)
        f"SELECT {values.all(columns)} FROM {GIVEN} CROSS JOIN {team} "
        f"WHERE {team}.id = {values['team_id']}{values.ordered} "
        f"ON CONFLICT ({names(once)}) DO UPDATE SET {', '.join(changes)}",
        rows,
    )


def _fields(model: type[models.Model], columns: Sequence[str]) -> list["models.Field[Any, Any]"]:
    by_column = {field.column: field for field in model._meta.concrete_fields}
    return [by_column[column] for column in columns]
