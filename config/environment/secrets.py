"""Secrets in files of their own: `NAME_FILE` names the file that holds the setting NAME.

Docker, Kubernetes and systemd hand secrets over this way. No message quotes what a file holds, nor
its path, since somebody may have put the secret itself there.
"""

import os
import stat
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.environment.names import FILE, SECRETS

LARGEST = 16_384  # bytes


def from_file(name: str) -> str | None:
    """Return the content of the file that holds a secret, or None if none is named.

    Raises ImproperlyConfigured if the secret is set as well, or the file can't be used.
    """
    path = os.environ.get(name + FILE, "") if name in SECRETS else ""
    if not path:
        return None
    if os.environ.get(name):
        raise ImproperlyConfigured(f"{name} and {name}{FILE} are both set. Remove one of them.")
    text = _decoded(name + FILE, _bytes(name + FILE, path))
    if not text or not text.isprintable():
        raise ImproperlyConfigured(
            f"{name}{FILE} names a file that is empty, or holds several lines or control "
            "characters. Write the secret there in one line."
        )
    return text


def _bytes(name: str, path: str) -> bytes:
    if not path.startswith("/"):
        raise ImproperlyConfigured(f"{name} must be the full path of a file, from / on.")
    try:
        # A pipe could be read once only, and each process reads the settings.
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise ImproperlyConfigured(f"{name} names a folder or a device. Name a plain file.")
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError for a zero byte in the path
        reason = getattr(error, "strerror", None) or "its path can't be used"
        raise ImproperlyConfigured(
            f"{name} names a file that can't be read: {reason}. Correct the path, or let the user "
            "that runs Flowlatch read the file."
        ) from None
    if len(data) > LARGEST:
        raise ImproperlyConfigured(f"{name} names a file of more than {LARGEST:,} bytes.")
    return data


def _decoded(name: str, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:  # its message would quote the content
        raise ImproperlyConfigured(f"{name} names a file that is not UTF-8.") from None
    return text.removesuffix("\n").removesuffix("\r")
