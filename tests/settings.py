"""Settings for tests: the shipped ones, in a folder of their own, with a fast hasher.

FLOWLATCH_TEST_DATABASE=postgres runs the same tests on a PostgreSQL that is started for them.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests import postgres

_folder = tempfile.mkdtemp(prefix="flowlatch-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
for name in (
    *("OWNER_EMAIL", "OWNER_PASSWORD", "TEAM_NAME", "PORT", "HOST", "DATABASE_URL"),
    *("FLOW_USERNAME", "FLOW_PASSWORD", "LIMITS_URL"),
):
    os.environ.pop(name, None)
os.environ["FLOWLATCH_DATA"] = _folder
if "TEST_PREPARED" not in os.environ:  # pytest's workers inherit it
    os.environ["TEST_PREPARED"] = f"{_folder}/prepared"
    Path(os.environ["TEST_PREPARED"]).mkdir()
if os.environ.get("FLOWLATCH_TEST_DATABASE") == "postgres":
    # pytest's workers inherit the server of the process that starts them.
    if "TEST_POSTGRES_URL" not in os.environ:
        _server = postgres.Postgres(*postgres.FORGETFUL)
        atexit.register(_server.__exit__, None, None, None)
        os.environ["TEST_POSTGRES_URL"] = _server.__enter__().url
    os.environ["DATABASE_URL"] = os.environ["TEST_POSTGRES_URL"]

from accounts.crypto import keyring  # noqa: E402 (the folder goes first)
from config.settings import *  # noqa: E402, F403
from config.settings import (  # noqa: E402
    DATABASES,
    INSTALLED_APPS,
    KEY_RING_PATH,
    STATIC_ROOT,
    STORAGES,
)

keyring.create(Path(KEY_RING_PATH))
Path(STATIC_ROOT).mkdir()
_options = DATABASES["default"]["OPTIONS"]
if "pool" in _options:  # a pool would hold the test database open while it is dropped
    del _options["pool"]
else:
    # A file and not memory: the gate's reader opens it beside Django. Without fsync: it is thrown
    # away.
    DATABASES["default"]["TEST"] = {"NAME": f"{_folder}/test.sqlite3"}
    _options["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# The shipped server counts in the database; here a test starts with nothing counted.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
INSTALLED_APPS = [*INSTALLED_APPS, "tests"]  # its flush can empty the audit trail
