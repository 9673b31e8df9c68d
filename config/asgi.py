"""The ASGI application: the gate ahead of Django."""

import os
import sys
from pathlib import Path
from typing import Any, cast

from django.core.asgi import get_asgi_application

# The event loop lets go of the interpreter at each statement of SQLite; the recorder's thread then
# keeps it for this long (in seconds; Python's own choice is ten times as much).
sys.setswitchinterval(0.0005)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from django.conf import settings  # noqa: E402 (Django must be set up first)

from chatflows.gate.middleware import BearerGate  # noqa: E402
from chatflows.gate.recorder import Recorder  # noqa: E402
from chatflows.gate.sqlite_reader import SqliteReader  # noqa: E402
from chatflows.services import calls  # noqa: E402

application = BearerGate(
    cast(Any, django_application),  # its annotations are narrower than ASGI
    reader=SqliteReader(Path(settings.DATABASES["default"]["NAME"])),
    make_recorder=lambda: Recorder(calls.write),
)
