"""PostgreSQL: copy a database by its own programs, pg_dump, pg_restore and psql."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg.conninfo import make_conninfo

from config import postgresql
from config.copies import contents, layout
from config.copies.contents import Contents
from config.copies.layout import Refused

SECRETS = ("password", "sslpassword")  # never among the arguments, which every user can read
TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema() ORDER BY 1
"""
# A dump's stamp is a transaction of another server, and could come up here a second time.
OWN_STAMP = "UPDATE chatflows_accessstamp SET stamp = pg_current_xact_id()::text::bigint;\n"

# In place of the bounds of time that pages have, and of those that a role has.
UNHURRIED = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"

Parameters = Mapping[str, Any]


def copy(parameters: Parameters, target: Path) -> tuple[Contents, str]:
    """Dump a database into a new file. Return what the dump holds, and the server's version.

    Both see one moment of the database. Raises Refused.
    """
    with connected(parameters) as database:
        server = database.info.server_version
        program = _program("pg_dump", at_least=server // 10_000)
        database.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        (snapshot,) = database.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        found = contents.read(database, tables(database))
        # Even the lowest level of gzip takes ten times as long as none.
        options = ("--format=custom", "--compress=0", "--no-owner", "--no-privileges")
        with layout.create(target) as number:
            _run(program, parameters, (*options, f"--snapshot={snapshot}"), stdout=number)
    return found, f"{server // 10_000}.{server % 10_000}"


def check(dump: Path) -> None:
    """Raise Refused unless pg_restore can read the whole dump."""
    program = _program("pg_restore")
    _run(program, {}, ("--file=/dev/null", os.fspath(dump)))


@contextmanager
def dumped_rows(dump: Path, table: str) -> Iterator[IO[bytes]]:
    """Open the rows of one table of a dump, as COPY writes them. Raises Refused."""
    options = ("--data-only", f"--table={table}", "--file=-", os.fspath(dump))
    program, pipe = _program("pg_restore"), subprocess.PIPE
    with subprocess.Popen([program, *options], stdout=pipe) as said:  # noqa: S603
        assert said.stdout is not None
        try:
            yield said.stdout
        finally:
            said.kill()  # it may be in the middle, if the reader has seen enough


def restore(dump: Path, parameters: Parameters, after: str) -> None:
    """Restore a dump into an empty database, and run statements: all of it or nothing.

    Raises Refused.
    """
    reader, writer = _program("pg_restore"), _program("psql")
    with connected(parameters) as database:
        settings = {name for (name,) in database.execute("SELECT name FROM pg_settings").fetchall()}
    options = ("--no-owner", "--no-privileges", "--file=-", os.fspath(dump))
    into = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-")
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen([reader, *options], stdout=pipe, stderr=errors) as said,  # noqa: S603
        subprocess.Popen(  # noqa: S603
            [writer, *_connection(parameters), *into],
            stdin=pipe,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=_environment(parameters),
        ) as done,
    ):
        try:
            is_read = _pass_on(said, done, settings, after)
            if not is_read:
                done.kill()
            status = done.wait()
        finally:
            for process in (said, done):
                process.kill()  # one that has ended minds nothing
        errors.seek(0)
        program = "psql" if is_read else "pg_restore"
        _succeeded(program, status if is_read else 1, errors.read(), parameters)


@contextmanager
def connected(parameters: Parameters) -> Iterator[psycopg.Connection[Any]]:
    """Connect without the bounds of pages. Raises Refused, without the password."""
    try:
        with psycopg.connect(**{**parameters, "options": UNHURRIED}, autocommit=True) as database:
            yield database
    except psycopg.Error as error:
        raise Refused(
            f"The database can't be used: {postgresql.reason(error, parameters)}"
        ) from None


def is_empty(parameters: Parameters) -> None:
    """Raise Refused if a database has any table."""
    with connected(parameters) as database:
        found = tables(database)
    if found:
        raise Refused(
            f"The database {parameters.get('dbname', '')} is not empty: it has {len(found)} "
            f"tables, such as {found[0]}. Make a new one (createdb), and name it in DATABASE_URL."
        )


def tables(database: psycopg.Connection[Any]) -> list[str]:
    """Return the names of all tables in the schema that Flowlatch uses."""
    return [name for (name,) in database.execute(TABLES).fetchall()]


def _pass_on(
    said: "subprocess.Popen[bytes]",
    done: "subprocess.Popen[bytes]",
    settings: Collection[str],
    after: str,
) -> bool:
    """Pass a dump to psql as one transaction. Return False if pg_restore failed.

    A newer pg_restore begins with settings that an older server does not have. They are left out.

    If this process is killed, psql never reads the COMMIT, and the database stays empty.
    """
    assert said.stdout is not None
    assert done.stdin is not None
    try:
        done.stdin.write(b"BEGIN;\n")
        for line in said.stdout:
            setting = re.match(rb"SET (\w+) = ", line)
            if setting is None or setting[1].decode() in settings:
                done.stdin.write(line)
            if line.startswith((b"CREATE ", b"COPY ")):  # settings come first
                break
        shutil.copyfileobj(said.stdout, done.stdin, layout.BLOCK)
        if said.wait():
            return False
        done.stdin.write(f"RESET search_path;\n{OWN_STAMP}{after}COMMIT;\n".encode())
        done.stdin.close()
    except BrokenPipeError:  # psql has ended, and says why
        with suppress(BrokenPipeError):
            done.stdin.close()
    return True


def _program(name: str, at_least: int = 0) -> str:
    path = shutil.which(name)
    if path is None:
        raise Refused(
            f"{name} is not installed. Install PostgreSQL's client programs (on Debian and Ubuntu: "
            "apt install postgresql-client), or put them in PATH."
        )
    asked = [path, "--version"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\) (\d+)", said.stdout)
    version = int(found[1]) if found else 0
    if version < at_least:
        raise Refused(
            f"{path} is of PostgreSQL {version}, older than the server, which is {at_least}. "
            f"Install the client programs of version {at_least} or newer, and put them first in "
            "PATH."
        )
    return path


def _run(
    program: str, parameters: Parameters, options: tuple[str, ...], stdout: int | None = None
) -> None:
    done = subprocess.run(  # noqa: S603
        [program, *_connection(parameters), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if stdout is None else stdout,
        stderr=subprocess.PIPE,
        env=_environment(parameters),
        check=False,
    )
    _succeeded(Path(program).name, done.returncode, done.stderr, parameters)


def _connection(parameters: Parameters) -> tuple[str, ...]:
    open_ones = {
        name: value
        for name, value in parameters.items()
        if name not in (*SECRETS, "options", "application_name")
    }
    return (f"--dbname={make_conninfo(**open_ones)}", "--no-password") if open_ones else ()


def _environment(parameters: Parameters) -> dict[str, str]:
    # Only the same user can read a process's environment.
    secret = {"PGPASSWORD": str(parameters["password"])} if parameters.get("password") else {}
    return {**os.environ, "LC_ALL": "C", **secret}


def _succeeded(program: str, status: int, said: bytes, parameters: Parameters) -> None:
    if status == 0:
        return
    line = said.decode(errors="replace").strip().partition("\n")[0]
    for name in SECRETS:
        if parameters.get(name):
            line = line.replace(str(parameters[name]), "***")
    raise Refused(f"{program} failed: {line or f'status {status}'}")
