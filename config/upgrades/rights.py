"""What the role of DATABASE_URL may do on PostgreSQL, compared with what a start needs."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.db import connection

NEEDED = ("SELECT", "INSERT", "UPDATE", "DELETE")
SHOWN = 3  # migrations that a message names

_ROLE = """
    SELECT current_user, nspname, has_schema_privilege(oid, 'USAGE'),
           has_schema_privilege(oid, 'CREATE')
    FROM pg_namespace WHERE nspname = coalesce(current_schema(), 'public')
"""
_TABLES = f"""
    SELECT c.relname, pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'USAGE'),
           {" AND ".join(f"has_table_privilege(c.oid, '{right}')" for right in NEEDED)}
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND c.relname = ANY(%s) ORDER BY c.relname
"""  # noqa: S608 (our own words)
_SEQUENCES = """
    SELECT coalesce(bool_and(has_sequence_privilege(c.oid, 'USAGE')), true)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relkind = 'S'
"""


class Lacking(Exception):
    """Raised for a role that lacks a right. The message names the GRANT."""


class _Role(NamedTuple):
    name: str
    schema: str
    may_use: bool
    may_create: bool


class _Table(NamedTuple):
    name: str
    owner: str
    is_ours: bool
    is_open: bool


def check_schema() -> None:
    """Raise Lacking if the role can't see the schema. It would look like an empty database."""
    role = _role()
    if not role.may_use:
        raise Lacking(
            f"The role {role.name} may not use the schema {role.schema}. As the database's owner "
            f"run: GRANT USAGE ON SCHEMA {role.schema} TO {role.name}"
        )


def check_use(names: Collection[str]) -> None:
    """Raise Lacking if the role may not read and write the tables of these names."""
    role = _role()
    closed = [table for table in _tables(role.schema, names) if not table.is_open]
    if closed:
        raise Lacking(
            f"The role {role.name} may not read and write the table {closed[0].name}. As "
            f"{closed[0].owner} run: GRANT {', '.join(NEEDED)} ON ALL TABLES IN SCHEMA "
            f"{role.schema} TO {role.name}"
        )
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES, [role.schema])
        (may_count,) = cursor.fetchone()
    if not may_count:
        raise Lacking(
            f"The role {role.name} may not use the sequences of the tables. As the tables' owner "
            f"run: GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {role.schema} TO {role.name}"
        )


def check_change(waiting: Sequence[str], names: Collection[str]) -> None:
    """Raise Lacking if the role may not make and change tables, as the waiting migrations do."""
    role = _role()
    owners = {table.owner for table in _tables(role.schema, names) if not table.is_ours}
    if role.may_create and not owners:
        return
    more = f" and {len(waiting) - SHOWN} more" if len(waiting) > SHOWN else ""
    told = f"Migrations wait ({', '.join(waiting[:SHOWN])}{more}), and the role {role.name} "
    if owners:
        raise Lacking(
            f"{told}may not change the tables, which belong to {min(owners)}. Run `manage.py "
            "migrate` with the DATABASE_URL of that role, then start again."
        )
    raise Lacking(
        f"{told}may not make tables. Run `manage.py migrate` with the DATABASE_URL of a role that "
        f"may, or as the database's owner run: GRANT CREATE ON SCHEMA {role.schema} TO {role.name}"
    )


def _role() -> _Role:
    with connection.cursor() as cursor:
        cursor.execute(_ROLE)
        return _Role(*cursor.fetchone())


def _tables(schema: str, names: Collection[str]) -> list[_Table]:
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, [schema, list(names)])
        return [_Table(*row) for row in cursor.fetchall()]
