"""A key ring of a test's own, noted in the database as a start would."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import override_settings

from accounts.crypto import keyring
from accounts.models import RingKey
from accounts.permissions import Actor
from accounts.services import ring_keys

BY = Actor("command", "keyring", "manage.py keyring")


@contextmanager
def own(folder: Path) -> Iterator[Path]:
    """Give the test a copy of the ring, which it may change. What was written stays readable."""
    path = folder / "keyring.json"
    path.write_bytes(Path(settings.KEY_RING_PATH).read_bytes())
    path.chmod(0o600)
    RingKey.objects.all().delete()
    keys = {"SECRET_KEY": settings.SECRET_KEY, "SECRET_KEY_FALLBACKS": []}
    keyring.forget()
    with override_settings(KEY_RING_PATH=path, **keys):
        ring_keys.ensure(path)
        try:
            yield path
        finally:
            keyring.forget()


def stored(path: Path) -> dict[str, Any]:
    """The file's content."""
    return dict(json.loads(path.read_text()))
