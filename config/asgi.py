"""The ASGI application: the gate, then static files, then Django."""

import os
import sys
from pathlib import Path

import django

# The event loop lets go of the interpreter at each statement of SQLite; the recorder's thread then
# keeps it for this long (in seconds; Python's own choice is ten times as much).
sys.setswitchinterval(0.0005)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 (Django must be set up first)

from chatflows.gate.middleware import BearerGate  # noqa: E402
from chatflows.gate.recorder import Recorder  # noqa: E402
from chatflows.gate.sqlite_reader import SqliteReader  # noqa: E402
from chatflows.services import calls  # noqa: E402
from config.pages import PagesHandler, with_static_files  # noqa: E402

pages = with_static_files(PagesHandler())
application = BearerGate(
    pages,
    reader=SqliteReader(Path(settings.DATABASES["default"]["NAME"])),
    make_recorder=lambda: Recorder(calls.write),
)
