"""A key file in a folder of its own, written as in life: on commit."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import Team
from apikeys.key_file import changes, hooks, layout, writing

Committing = Callable[[], AbstractContextManager[Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The key file is for SQLite alone."""
    if connection.vendor != "sqlite":
        skip = pytest.mark.skip(reason="the key file is for SQLite alone")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(skip)


class KeyFile:
    """The file, and what it says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / layout.NAME

    @property
    def lines(self) -> list[bytes]:
        """The lines as they stand."""
        return self.path.read_bytes().splitlines(keepends=True)

    @lines.setter
    def lines(self, lines: list[bytes]) -> None:
        self.path.write_bytes(b"".join(lines))

    @property
    def generation(self) -> int:
        """The generation of its head."""
        return int(json.loads(self.lines[0])["generation"])

    def told(self) -> list[dict[str, Any]]:
        """All facts, once every seal was checked."""
        return [layout.told(each) for each in writing.held(self.folder)[1]]

    @property
    def files(self) -> list[str]:
        """The names of all files in the folder."""
        return sorted(path.name for path in self.folder.iterdir())

    def of(self, name: str) -> dict[str, Any]:
        """The facts of one key."""
        (found,) = [each for each in self.told() if each.get("name") == name]
        return found


@pytest.fixture
def key_file(settings: Settings, tmp_path: Path, acme: Team) -> Iterator[KeyFile]:
    """The key file of acme, as the start writes it."""
    settings.APIKEY_PATH = tmp_path
    changes.install()
    writing.write(within=0, again=True)
    with connection.execute_wrapper(hooks.notice):
        yield KeyFile(tmp_path)


@pytest.fixture
def committing(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Committing:
    """What is done in it is committed at its end, for all that waits for that."""

    def commit() -> AbstractContextManager[Any]:
        connection.run_on_commit = []  # the test's own transaction keeps those that have run
        return django_capture_on_commit_callbacks(execute=True)

    return commit
