"""Move: check every value, copy every row, compare, and commit only if all of it holds."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts import audit
from accounts.models import AuditEvent
from config import databases
from config.copies import contents
from config.copies.layout import Refused
from config.copies.moves import source, target
from config.copies.moves.source import SHOWN
from config.copies.moves.tables import Table, tables


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did."""

    rows: int
    tables: int
    left: list[str]  # tables that are not Flowlatch's
    old: Path  # where the SQLite database is now


def move(url: str) -> Moved:
    """Move all rows to an empty PostgreSQL. Raises Refused; then nothing was changed."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] != databases.SQLITE:
        raise Refused("DATABASE_URL names PostgreSQL already. Only a SQLite database can be moved.")
    connections["default"].close()
    path = Path(database["NAME"])
    with target.named(target.configured(url)) as new, source.opened(path) as old:
        _ring_fits(old)
        every = [*tables(new)]
        _check(old, every)
        with target.made(new):
            counts = [_copy(old, new, table) for table in every]
            target.settle(new)
            _compare(old, new, every)
            _chains_hold()
        left = source.others(old, (each.name for each in every))
    return Moved(sum(counts), len(every), left, source.put_away(path))


def _ring_fits(old: sqlite3.Connection) -> None:
    keys = old.execute("SELECT purpose, version, fingerprint FROM accounts_ringkey")
    known = {f"{purpose} {version}": mark for purpose, version, mark in keys}
    contents.fits(settings.KEY_RING_PATH, known)


def _check(old: sqlite3.Connection, every: Iterable[Table]) -> None:
    found = [misfit for table in every for misfit in source.misfits(old, table)]
    if found:
        raise Refused(
            "PostgreSQL can't store these values. Correct them, then try again; nothing was moved. "
            + "; ".join(found[:SHOWN])
        )


def _copy(old: sqlite3.Connection, new: BaseDatabaseWrapper, table: Table) -> int:
    target.fill(new, table, source.rows(old, table))
    if table.has_sequence:
        target.go_on_after(new, table, source.last_number(old, table))
    return target.count(new, table)


def _compare(old: sqlite3.Connection, new: BaseDatabaseWrapper, every: Iterable[Table]) -> None:
    for table in every:
        before, after = contents.count(old, table.name), target.count(new, table)
        if before != after:
            raise Refused(
                f"{table.name} has {before} rows, and {after} of them arrived. Nothing was moved."
            )


def _chains_hold() -> None:
    events = AuditEvent.objects.using(target.ALIAS)
    for chain_id in events.order_by().values_list("team_id", flat=True).distinct():
        broken = audit.check(chain_id, using=target.ALIAS).broken
        if broken is not None:
            raise Refused(
                f"The audit trail of {chain_id} does not hold at entry {broken.sequence}. Nothing "
                "was moved. See manage.py verify_audit."
            )
