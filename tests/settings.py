"""Settings for tests: the shipped ones, in a folder of their own, with a fast hasher."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_folder = tempfile.mkdtemp(prefix="flowlatch-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
for name in ("OWNER_EMAIL", "OWNER_PASSWORD", "TEAM_NAME", "PORT", "HOST", "DATABASE_URL"):
    os.environ.pop(name, None)
os.environ["FLOWLATCH_DATA"] = _folder

from config import keyring  # noqa: E402 (the folder goes first)
from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, KEY_RING_PATH, STATIC_ROOT, STORAGES  # noqa: E402

keyring.create(Path(KEY_RING_PATH))
Path(STATIC_ROOT).mkdir()
# A file and not memory: the gate's reader opens it beside Django. Without fsync: it is thrown away.
DATABASES["default"]["TEST"] = {"NAME": f"{_folder}/test.sqlite3"}
DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# None at all: an empty dict would bring allauth's own limits back.
ACCOUNT_RATE_LIMITS = False  # type: ignore[assignment]
