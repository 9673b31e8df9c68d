"""`.env`: what is written is what counts, and what can't be read stops without being told."""

import os
from pathlib import Path

import pytest

from config.environment import files
from config.environment.names import doubts, meant

pytestmark = pytest.mark.fast

SECRET = "granite teapot harbour"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def refused(file: Path, content: str | bytes) -> str:
    """Why a file is refused. It never quotes a value."""
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(files.Unreadable) as error:
        files.read(file)
    told = str(error.value)
    assert "\n" not in told
    for word in (*SECRET.split(), "hush"):
        assert word not in told
    assert error.value.__cause__ is None
    return told


@pytest.mark.parametrize(
    ("content", "name", "value"),
    [
        ("\ufeffOWNER_EMAIL=alice@acme.example\n", "OWNER_EMAIL", "alice@acme.example"),
        ("PORT=9000\r\n", "PORT", "9000"),
        ("PORT=9000\r", "PORT", "9000"),
        ("PORT=9000", "PORT", "9000"),
        ("\n\n  # a comment\nexport PORT=9000\n", "PORT", "9000"),
        ("PORT = 9000", "PORT", "9000"),
        ("TEAM_NAME=Acme # the team", "TEAM_NAME", "Acme"),
        ("TEAM_NAME=Acme#the team", "TEAM_NAME", "Acme#the team"),
        ("TEAM_NAME='Acme # the team' # really", "TEAM_NAME", "Acme # the team"),
        ("TEAM_NAME=", "TEAM_NAME", ""),
        ("TEAM_NAME= # none", "TEAM_NAME", ""),
        ("OWNER_PASSWORD=$granite teapot", "OWNER_PASSWORD", "$granite teapot"),
        ('OWNER_PASSWORD="granite # teapot"', "OWNER_PASSWORD", "granite # teapot"),
        ('export OWNER_PASSWORD="$granite # teapot"', "OWNER_PASSWORD", "$granite # teapot"),
        ("OWNER_PASSWORD='$granite # ${teapot}'", "OWNER_PASSWORD", "$granite # ${teapot}"),
        ("OWNER_PASSWORD=#granite", "OWNER_PASSWORD", "#granite"),
        ("OWNER_PASSWORD=gra'n\"ite=", "OWNER_PASSWORD", "gra'n\"ite="),
        (r"FLOWLATCH_DATA='C:\new'", "FLOWLATCH_DATA", r"C:\new"),
        ('OTHERS="-----BEGIN\nabc==\n-----END"', "OTHERS", "-----BEGIN\nabc==\n-----END"),
    ],
)
def test_what_is_written_is_what_counts(file: Path, content: str, name: str, value: str) -> None:
    file.write_bytes(content.encode())
    assert files.read(file) == {name: value}


@pytest.mark.parametrize(
    ("content", "line", "name"),
    [
        (f"OWNER_PASSWORD: {SECRET}\n", 1, "OWNER_PASSWORD"),
        ("OWNER_PASSWORD:hush\n", 1, "OWNER_PASSWORD"),
        ("PORT=1\n\n\n# two\n  OWNER_PASSWORD: hush\n", 5, "OWNER_PASSWORD"),
        ("PORT=1\r\n\r\nOWNER_PASSWORD hush\r\n", 3, "OWNER_PASSWORD"),
        ("export OWNER_PASSWORD\n", 1, "OWNER_PASSWORD"),
        ('OWNER_PASSWORD="hush\nPORT=1\n', 1, "OWNER_PASSWORD"),
        ("OWNER_PASSWORD='hush", 1, "OWNER_PASSWORD"),
        ("OWNER_PASSWORD='hush' hush\n", 1, "OWNER_PASSWORD"),
        ('OWNER_PASSWORD="hush\nTEAM_NAME=\'hush\nMAIL_FROM="\n', 1, "OWNER_PASSWORD"),
        ('OTHERS="hush\nOWNER_PASSWORD=hush"\n', 1, ""),
        ('FLOWLATCH_DATA="C:\\new"\n', 1, "FLOWLATCH_DATA"),
        ("OWNER_PASSWORD=hush # hush\n", 1, "OWNER_PASSWORD"),
        (f"HUSH_HUSH: {SECRET}\n", 1, ""),
        ("TEAM NAME=hush\n", 1, ""),
        ("'TEAM NAME'=hush\n", 1, ""),
        ("=hush\n", 1, ""),
        ("hush\n", 1, ""),
        ("\u200bPORT=1\n", 1, ""),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_not_quoted(
    file: Path, content: str, line: int, name: str
) -> None:
    told = refused(file, content)
    assert told.startswith(f"Line {line} of .env")
    assert (f"({name})" in told) is bool(name)


def test_a_name_that_stands_twice_is_refused_with_both_lines(file: Path) -> None:
    told = refused(file, "OWNER_PASSWORD=hush\n\nPORT=1\nOWNER_PASSWORD=hush hush\n")
    assert told == ".env sets OWNER_PASSWORD twice, in lines 1 and 4. Remove one."
    assert refused(file, "HUSH=1\nHUSH=2\n").startswith(".env sets a name twice")
    assert "hush" not in refused(file, "hush=1\nhush=2\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("OWNER_PASSWORD=hush\n".encode("utf-16"), "UTF-16"),
        ("OWNER_PASSWORD=hush\n".encode("utf-16-le"), "Line 1 of .env holds a zero byte"),
        (b"PORT=1\nOWNER_PASSWORD=hu\0sh\n", "Line 2 of .env holds a zero byte"),
        (b"PORT=1\nOWNER_PASSWORD=hush \xe4\n", "Line 2 of .env is not UTF-8"),
        (b"#" * (files.LARGEST + 1), "larger than a MiB"),
    ],
)
def test_a_file_that_is_no_text_is_refused(file: Path, content: bytes, words: str) -> None:
    assert words in refused(file, content)


def test_a_folder_or_a_dead_link_in_its_place_is_refused_and_no_file_is_none(file: Path) -> None:
    assert files.read(file) == {}
    file.symlink_to("nowhere")
    with pytest.raises(files.Unreadable, match="not there"):
        files.read(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(files.Unreadable, match="directory"):
        files.read(file)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("OWNER_PASSWRD", "OWNER_PASSWORD"),
        ("WEB_CONCURENCY", "WEB_CONCURRENCY"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
        ("public_url", "PUBLIC_URL"),
        ("PUBLIC_URL", None),
        ("HOSTNAME", None),
        ("DOMAIN", None),
        ("SSL_CERT_FILE", None),
        ("POSTGRES_PASSWORD", None),
        ("POSTGRES_PASSWORD_FILE", None),
        ("OWNER_PASSWORD_FILE", None),
        ("OWNER_PASWORD_FILE", "OWNER_PASSWORD_FILE"),
    ],
)
def test_a_misspelt_name_is_recognised(name: str, ours: str | None) -> None:
    assert meant(name) == ours


def test_names_that_look_like_ours_are_doubted_wherever_they_are_set() -> None:
    foreign = ["HOME", "FLOWLATCH_KEY", "FLOWLATCH_SERVICE_HOST", "FLOWLATCH_PORT_8000_TCP"]
    assert doubts(["OWNER_PASSWRD", "DOMAIN"], [*foreign, "PORT", "DATABASE_URL_FILE"]) == [
        "Warning: .env sets OWNER_PASSWRD, which is no setting. Did you mean OWNER_PASSWORD?"
    ]
    assert doubts([], ["WEB_CONCURENCY", "FLOWLATCH_COLOUR", "PORT_FILE"]) == [
        "Warning: the environment sets WEB_CONCURENCY, which is no setting. Did you mean "
        "WEB_CONCURRENCY?",
        "Warning: the environment sets FLOWLATCH_COLOUR, which is no setting of this version.",
        "Warning: the environment sets PORT_FILE, but only secrets can be in a file. Set PORT.",
    ]


def test_a_file_sets_what_the_environment_does_not(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("TEAM_NAME", "gone after the test")
    monkeypatch.delenv("TEAM_NAME")
    file.write_text("PORT=2\nTEAM_NAME=Acme\nOWNER_PASSWRD=x\n")
    assert "OWNER_PASSWRD" in files.load(file)[0]
    assert (os.environ["PORT"], os.environ["TEAM_NAME"]) == ("1", "Acme")
    monkeypatch.delenv("OWNER_PASSWRD")
