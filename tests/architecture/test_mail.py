"""Mail leaves by the worker's sender and in no other way: no reply waits for a mail server."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.architecture.test_size import MODULES

pytestmark = pytest.mark.fast

ROOT: Path = settings.BASE_DIR
OPENS_CONNECTIONS = ("smtplib", "aiosmtplib", "django.core.mail")
# Who may import them, and why. A stale line fails.
MAY_IMPORT = {
    "accounts/mail/sender.py": "the sender itself",
    "accounts/mail/troubles.py": "the names of smtplib's exceptions",
    "accounts/mail/backends.py": "the backend that refuses to send",
}


def imported(name: str) -> Iterator[str]:
    """Every module that a module of ours imports, anywhere in it."""
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_the_sender_can_open_a_connection_to_a_mail_server() -> None:
    found = {
        name
        for name in MODULES
        if any(each.startswith(OPENS_CONNECTIONS) for each in imported(name))
    }
    assert found == set(MAY_IMPORT)


def test_only_the_registry_of_jobs_knows_the_sender() -> None:
    users = {name for name in MODULES if "accounts.mail.sender" in imported(name)}
    assert users == {"accounts/apps.py"}


def test_nobody_sends_by_a_users_own_method() -> None:
    for name in MODULES:
        text = (ROOT / name).read_text()
        assert "email_user(" not in text, name
        assert "mail_admins(" not in text, name
