"""Dumps: all rows of a database as text, to look for a change or for a secret."""

from typing import Any

import psycopg
from psycopg import sql

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


def postgres(connection: psycopg.Connection[Any]) -> str:
    """Each row as an INSERT, in the order in which they lie in their tables."""
    with connection.cursor() as cursor:
        tables = [name for (name,) in cursor.execute(_TABLES).fetchall()]
        return "\n".join(_row(name, text) for name in tables for text in _texts(cursor, name))


def _texts(cursor: psycopg.Cursor[Any], table: str) -> list[str]:
    query = sql.SQL("SELECT each::text FROM {} each").format(sql.Identifier(table))
    return [text for (text,) in cursor.execute(query).fetchall()]


def _row(table: str, text: str) -> str:
    return f'INSERT INTO "{table}" VALUES{text}'
