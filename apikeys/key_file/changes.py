"""Changes: triggers of the database note each change of what the key file holds.

They see what no signal of Django sees (`update()`, cascades, another process, plain SQL), in the
transaction of the change itself. The newest row's id is the generation that the file must have.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from uuid import UUID

from django.conf import settings
from django.db import connection, models, transaction

from apikeys.models import KeyFileChange

KEPT = 20_000  # rows: a process that wrote longer ago reads all keys anew
_PREFIX = "key_file_"
# When a key was last used is no fact of the file, and is noted with each batch of calls.
_WRITE = re.compile(
    r'\s*(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) "(\w+)"(?! SET "last_used_at" = %s WHERE)'
)
Execute = Callable[[str, Any, bool, Any], Any]


class Generation(NamedTuple):
    """A state of the database: the newest change, and the mark by which its row is known."""

    number: int
    mark: str


NONE = Generation(0, "")


@dataclass(frozen=True, slots=True)
class _Watched:
    columns: tuple[str, ...]
    keys: str  # a SELECT of the ids of the keys whose lines change with a row


_watched: dict[str, _Watched] = {}


def watch(model: type[models.Model], fields: Iterable[str], keys: str) -> None:
    """Note changes of these fields of a model, and new and deleted rows.

    `keys` selects the ids of the keys whose lines change; `{row}` stands for the row.
    """
    meta = model._meta
    columns = [cast("models.Field[Any, Any]", meta.get_field(name)).column for name in fields]
    _watched[meta.db_table] = _Watched(tuple(map(str, columns)), keys)


def install(**_: object) -> None:
    """Make the triggers, and note that the file has to be written.

    With a key file alone, and once all tables are there.
    """
    if not (is_on() and _watched.keys() <= set(connection.introspection.table_names())):
        return
    with transaction.atomic():
        remove()
        with connection.cursor() as cursor:
            for table, watched in _watched.items():
                for name, sql in _triggers(table, watched):
                    cursor.execute(f"CREATE TRIGGER {name} {sql}")
            cursor.execute(_note("SELECT NULL"))


def remove(**_: object) -> None:
    """Drop the triggers, if there are any: SQLite alters no table that a trigger writes to."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, 9) = %s",
            [_PREFIX],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")


def latest() -> Generation:
    """Return the newest change."""
    row = KeyFileChange.objects.order_by("-pk").values_list("pk", "mark").first()
    return Generation(*row) if row else NONE


def keys_since(seen: Generation, until: Generation) -> set[UUID] | None:
    """Return the ids of the keys that changed between two generations.

    None if that is not known: the first one is pruned, or of another database.
    """
    if not KeyFileChange.objects.filter(pk=seen.number, mark=seen.mark).exists():
        return None
    between = KeyFileChange.objects.filter(pk__gt=seen.number, pk__lte=until.number)
    return {key_id for key_id in between.values_list("key_id", flat=True) if key_id is not None}


def prune() -> None:
    """Delete the rows that no process needs to catch up."""
    old = KeyFileChange.objects.filter(pk__lt=latest().number - KEPT)
    if old.exists():
        old.delete()


def go_on_from(number: int) -> None:
    """Let the generations of a new database follow those of the file that it was made from."""
    KeyFileChange.objects.create(pk=number + 1, mark="")


def noticing(then: Callable[[], None]) -> Callable[[Execute, str, Any, bool, Any], Any]:
    """Return a wrapper of Django's statements that calls `then` once a change is committed."""

    def notice(execute: Execute, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        found = _WRITE.match(sql)
        is_fact = found is not None and found[1] in _watched
        # Once is enough for a transaction. Those of a savepoint that was undone are gone.
        if is_fact and all(each[1] is not then for each in context["connection"].run_on_commit):
            transaction.on_commit(then, robust=True)
        return result

    return notice


def is_on() -> bool:
    """Whether there is a key file."""
    return settings.APIKEY_PATH is not None


def _triggers(table: str, watched: _Watched) -> Iterable[tuple[str, str]]:
    changed = " OR ".join(f'NEW."{name}" IS NOT OLD."{name}"' for name in watched.columns)
    columns = ", ".join(f'"{name}"' for name in watched.columns)
    events = (
        ("insert", "INSERT", "NEW", ""),
        ("update", f"UPDATE OF {columns}", "NEW", f"WHEN {changed}"),
        ("delete", "DELETE", "OLD", ""),
    )
    for name, event, row, condition in events:
        note = _note(watched.keys.format(row=row))
        yield (
            f"{_PREFIX}{table}_{name}",
            f'AFTER {event} ON "{table}" FOR EACH ROW {condition} BEGIN {note}; END',
        )


def _note(keys: str) -> str:
    table = KeyFileChange._meta.db_table
    # Nothing of it comes from outside.
    rows = f"SELECT x.*, lower(hex(randomblob(8))) FROM ({keys}) x"  # noqa: S608
    return f'INSERT INTO "{table}" ("key_id", "mark") {rows}'
