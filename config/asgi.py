"""The ASGI application: the gate, then static files, then Django."""

import os
import sys
from pathlib import Path

import django

# The event loop releases the interpreter at each SQLite statement. The recorder's thread may then
# keep it for this long (seconds; Python's default is ten times as much).
sys.setswitchinterval(0.0005)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 (Django must be set up first)

from chatflows.calls import store  # noqa: E402
from chatflows.calls.recorder import Recorder  # noqa: E402
from chatflows.gate.middleware import BearerGate  # noqa: E402
from chatflows.gate.readers.facts import AccessReader  # noqa: E402
from chatflows.gate.readers.sqlite import SqliteReader  # noqa: E402
from chatflows.predictions.aborts import StoredAborts  # noqa: E402
from chatflows.predictions.conversations import StoredMemory  # noqa: E402
from config import databases, logs, server  # noqa: E402
from config.delivery.static_files import with_static_files  # noqa: E402
from config.pages import PagesHandler  # noqa: E402
from config.wire import ending  # noqa: E402


def make_reader() -> AccessReader:
    """Make the reader for the database that DATABASE_URL names."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] == databases.POSTGRESQL:
        # The driver takes ten MiB, and SQLite does not need it.
        from chatflows.gate.readers.postgres import PostgresReader  # noqa: PLC0415

        return PostgresReader(databases.connection_parameters(database))
    return SqliteReader(Path(database["NAME"]))


logs.catch_uncaught()
server.end_with_parent()
pages = with_static_files(PagesHandler())
application = BearerGate(
    pages,
    reader=make_reader(),
    make_recorder=lambda: Recorder(store.write),
    memory=StoredMemory(),
    abort_notes=StoredAborts(),
    is_stopping=ending.is_stopping,
)
