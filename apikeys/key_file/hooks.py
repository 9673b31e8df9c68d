"""Hooks: the one place where the key file is tied to Django's connections and to the worker."""

from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate

from accounts import worker
from apikeys.key_file import changes, facts, writing

notice = changes.noticing(writing.write_on_commit)


def set_up(apikeys: AppConfig) -> None:
    """Watch the tables. With a key file, write it on each commit and by the worker."""
    facts.watch_all()
    # SQLite alters no table that a trigger of another one names, and drops those of its own.
    pre_migrate.connect(changes.remove, sender=apikeys, dispatch_uid="key_file")
    post_migrate.connect(changes.install, sender=apikeys, dispatch_uid="key_file")
    if changes.is_on():
        connection_created.connect(_listen, dispatch_uid="key_file")
        worker.register(worker.Job("key file", timedelta(seconds=1), writing.catch_up))


def _listen(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if notice not in connection.execute_wrappers:  # a connection can be made again
        connection.execute_wrappers.append(notice)
