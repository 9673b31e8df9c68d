"""`NAME_FILE`: a secret in a file of its own is taken as it is, or refused without being quoted."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment.names import SECRETS
from config.environment.secrets import LARGEST
from config.environment.values import exact, secret_url

pytestmark = pytest.mark.fast

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the file that OWNER_PASSWORD_FILE names."""

    def to_file(content: bytes) -> Path:
        path = tmp_path / "hush"
        path.write_bytes(content)
        monkeypatch.setenv("OWNER_PASSWORD_FILE", str(path))
        return path

    return to_file


def refused(name: str = "OWNER_PASSWORD") -> str:
    with pytest.raises(ImproperlyConfigured) as error:
        exact(name)
    told = str(error.value)
    assert "\n" not in told
    assert "hush" not in told, "neither what the file holds nor its path"
    assert error.value.__cause__ is None
    assert told.startswith(name)
    return told


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_one_line_end_is_no_part_of_the_secret(write: Write, end: bytes) -> None:
    write(b" $granite # teapot 'harbour' " + end)
    assert exact("OWNER_PASSWORD") == " $granite # teapot 'harbour' "


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_each_secret_can_be_in_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s").write_text("smtp://a:${b}$c@host\n")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "s"))
    monkeypatch.delenv(name, raising=False)
    assert exact(name) == secret_url(name) == "smtp://a:${b}$c@host"
    assert name not in os.environ, "child processes would inherit it"


def test_other_settings_are_in_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_NAME_FILE", "/nowhere")
    assert exact("TEAM_NAME") == ""


def test_a_secret_that_is_set_twice_is_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(b"hush\n")
    monkeypatch.setenv("OWNER_PASSWORD", "")  # empty is not set
    assert exact("OWNER_PASSWORD") == "hush"
    monkeypatch.setenv("OWNER_PASSWORD", "hush")
    assert refused() == ("OWNER_PASSWORD and OWNER_PASSWORD_FILE are both set. Remove one of them.")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty, or holds several lines"),
        (b"\n", "is empty, or holds several lines"),
        (b"hush\nhush\n", "several lines"),
        (b"hush\n\n", "several lines"),
        (b"hush\0", "control characters"),
        (b"hush\xff", "not UTF-8"),
        (b"hush" * LARGEST, "more than 16,384 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(write: Write, content: bytes, told: str) -> None:
    write(content)
    assert told in refused()


def test_a_path_that_is_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "hush-pipe")
    for path, told in (
        (tmp_path / "hush", "can't be read: No such file or directory."),
        (tmp_path, "names a folder or a device."),
        (tmp_path / "hush-pipe", "names a folder or a device."),
        ("hush", "must be the full path"),
        ("/" + "hush" * 2000, "can't be read: File name too long."),
    ):
        monkeypatch.setenv("LIMITS_URL_FILE", str(path))
        assert told in refused("LIMITS_URL")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(write: Write) -> None:
    write(b"hush").chmod(0)
    assert "can't be read: Permission denied." in refused()
