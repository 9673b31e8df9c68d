"""Bulk inserts: many rows that come as one JSON text, which the database takes apart itself.

The recorder's thread shares the interpreter with the event loop. A statement for each row would
take the interpreter and give it back with every row, and answers wait each time; one statement for
all of them runs beside the loop.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models

encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: it is asked for each call


def moment(at: datetime) -> str:
    """A moment (in UTC) as rows hold it: ISO 8601 to the microsecond."""
    return at.isoformat(timespec="microseconds")


class Given:
    """Rows in JSON, each an array of values for columns of one or more models, in that order.

    `source` stands in FROM, `given["column"]` is a value of its rows, `order` keeps their order.
    Values are written as `encode` and `moment` do, UUIDs without dashes.
    """

    def __init__(self, *columns: tuple[type[models.Model], Sequence[str]]) -> None:
        self._is_postgresql = connection.vendor == "postgresql"
        fields = [field for model, names in columns for field in _fields(model, names)]
        self._values = {field.column: self._value(n, field) for n, field in enumerate(fields)}

    def __getitem__(self, column: str) -> str:
        return self._values[column]

    def all(self, columns: Sequence[str]) -> str:
        """Some columns' values, for SELECT."""
        return ", ".join([self._values[column] for column in columns])

    @property
    def source(self) -> str:
        """For FROM."""
        if self._is_postgresql:
            return "json_array_elements(%s::json) WITH ORDINALITY AS given(value, place)"
        return "json_each(%s) AS given"

    @property
    def order(self) -> str:
        """For ORDER BY."""
        return "given.place" if self._is_postgresql else "given.key"

    def execute(self, statement: str, rows: Sequence[str]) -> None:
        """Run a statement with `source` in it. Raises as the ORM, ValueError for broken text."""
        with connection.cursor() as cursor:
            cursor.execute(statement, [f"[{','.join(rows)}]"])

    def _value(self, number: int, field: "models.Field[Any, Any]") -> str:
        if self._is_postgresql:
            # Without a length: a cast to `varchar(30)` would cut what the column must refuse.
            kind = (field.db_type(connection) or "text").partition("(")[0]
            return f"CAST(given.value ->> {number} AS {kind})"
        value = f"json_extract(given.value, '$[{number}]')"
        if isinstance(field, models.DateTimeField):
            return f"replace(substr({value}, 1, 26), 'T', ' ')"  # as Django stores it
        return value


def table(model: type[models.Model]) -> str:
    """A model's table, quoted."""
    return connection.ops.quote_name(model._meta.db_table)


def names(columns: Sequence[str]) -> str:
    """Columns, quoted."""
    return ", ".join(map(connection.ops.quote_name, columns))


def _fields(model: type[models.Model], columns: Sequence[str]) -> list["models.Field[Any, Any]"]:
    by_column = {field.column: field for field in model._meta.concrete_fields}
    return [by_column[column] for column in columns]
