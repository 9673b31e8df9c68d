"""The tables: what waits is applied in one transaction, by a role that may do it."""

from typing import Any

from django.apps import apps
from django.core import management
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from config.upgrades import newer, rights


def bring_up_to_date() -> None:
    """Apply the migrations that wait, and make the cache's table. Raises Newer and Lacking."""
    is_postgresql = connection.vendor == "postgresql"
    if is_postgresql:
        rights.check_use(_names())
    executor = MigrationExecutor(connection)
    newer.refuse(executor.loader)
    waiting = [f"{each.app_label}.{each.name}" for each, _ in _plan(executor)]
    if is_postgresql and waiting:
        rights.check_change(waiting, _names())
    if waiting:
        _migrate()
    management.call_command("createcachetable", verbosity=0)
    if is_postgresql:
        rights.check_use(_names())


def _plan(executor: MigrationExecutor) -> list[Any]:
    return executor.migration_plan(executor.loader.graph.leaf_nodes())


def _migrate() -> None:
    # In Django's own transactions, tables would be left without their record if the machine stopped
    # in between. SQLite alters tables only while it checks no foreign keys, and the checks can't be
    # turned off inside a transaction.
    with connection.constraint_checks_disabled(), transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:  # a table with pending checks can't be altered
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        management.call_command("migrate", interactive=False, verbosity=0)


def _names() -> set[str]:
    return {"django_migrations", "django_cache"} | {m._meta.db_table for m in apps.get_models()}
