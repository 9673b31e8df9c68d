"""Two roles on a real PostgreSQL, made by the SQL of deploy: one owns the tables, one serves."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.ports import free_port
from tests.postgres import Postgres
from tests.server import forks, shipped
from tests.server.forks import PATIENCE, ROOT
from tests.server.shipped import OWNER, SERVE, environment

PSQL = shutil.which("psql")
FOLDER = ROOT / "deploy/postgresql"
LATEST = "DELETE FROM django_migrations WHERE app = 'config'; DROP TABLE config_servedversion"

pytestmark = [pytest.mark.server, pytest.mark.skipif(PSQL is None, reason="needs psql")]


@pytest.fixture(scope="module")
def url() -> Iterator[Callable[..., str]]:
    """A server without a role named flowlatch; the address for a role and a database there."""
    with Postgres(*postgres.FORGETFUL) as server:

        def address(role: str, database: str = "flowlatch", password: str = "hush") -> str:
            return f"postgres://{role}:{password}@127.0.0.1:{server.port}/{database}"

        with psycopg.connect(server.url, autocommit=True) as first:
            first.execute("CREATE ROLE admin SUPERUSER LOGIN PASSWORD 'hush'")
        with psycopg.connect(address("admin", "postgres"), autocommit=True) as admin:
            admin.execute("ALTER ROLE flowlatch RENAME TO first")
        yield address


def run_sql(file: str, database: str, **variables: str) -> None:
    values = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
    subprocess.run(
        [str(PSQL), "-q", *values, "-f", str(FOLDER / file), database],
        check=True, timeout=PATIENCE,
    )  # fmt: skip


def manage(folder: Path, url: str, *arguments: str) -> str:
    """What a command prints, its errors too."""
    env = environment(folder, DATABASE_URL=url, PORT=str(free_port()), **OWNER)
    done = forks.run(["manage.py", *arguments], env)
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr
    return (done.stdout + done.stderr).strip()


@pytest.mark.large
def test_the_serving_role_starts_serves_and_is_told_when_a_migration_waits(
    tmp_path: Path, url: Callable[..., str]
) -> None:
    run_sql("roles.sql", url("admin", "postgres"), owner_password="hush", password="hush")
    owner, serving = url("flowlatch_owner"), url("flowlatch")
    told = manage(tmp_path, serving, *SERVE[1:])
    assert told.startswith("CommandError: Migrations wait (")
    assert "the role flowlatch may not make tables. Run `manage.py migrate`" in told
    assert "GRANT CREATE ON SCHEMA public TO flowlatch" in told

    assert manage(tmp_path, owner, "migrate") == "The tables are up to date."
    server = shipped.start(tmp_path, {**OWNER, "DATABASE_URL": serving})
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200
    assert server.do("audit_holds", team="acme")
    with psycopg.connect(serving) as by_hand:
        for forbidden in ("DROP TABLE accounts_team", "TRUNCATE accounts_auditevent",
                          "ALTER TABLE accounts_auditevent DISABLE TRIGGER ALL"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege), by_hand.transaction():
                by_hand.execute(forbidden)
    assert server.stop() == 0

    with psycopg.connect(owner) as by_hand:
        by_hand.execute(LATEST)
    assert manage(tmp_path, serving, *SERVE[1:]) == (
        "CommandError: Migrations wait (config.0001_deploy), and the role flowlatch may not "
        "change the tables, which belong to flowlatch_owner. Run `manage.py migrate` with the "
        "DATABASE_URL of that role, then start again."
    )
    assert manage(tmp_path, owner, "migrate") == "The tables are up to date."
    assert shipped.start(tmp_path, {**OWNER, "DATABASE_URL": serving}).stop() == 0


@pytest.mark.large
def test_a_role_that_lacks_a_right_is_told_which_grant_gives_it(
    tmp_path: Path, url: Callable[..., str]
) -> None:
    """Tables that the serving role made until now, and a new role that only serves."""
    with psycopg.connect(url("admin", "postgres"), autocommit=True) as admin:
        for statement in ("CREATE ROLE old LOGIN PASSWORD 'hush'", "CREATE DATABASE old OWNER old",
                          "CREATE ROLE newcomer LOGIN PASSWORD 'hush'"):  # fmt: skip
            admin.execute(statement)
    with psycopg.connect(url("admin", "old"), autocommit=True) as admin:
        admin.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT ALL ON SCHEMA public TO old")
        assert shipped.start(tmp_path, {**OWNER, "DATABASE_URL": url("old", "old")}).stop() == 0
        for grant in (
            "GRANT USAGE ON SCHEMA public TO newcomer",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO newcomer",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO newcomer",
        ):
            told = manage(tmp_path, url("newcomer", "old"), *SERVE[1:])
            assert told.startswith("CommandError: The role newcomer may not ")
            assert told.endswith(f"run: {grant}")
            admin.execute(grant)
        assert (
            shipped.start(tmp_path, {**OWNER, "DATABASE_URL": url("newcomer", "old")}).stop() == 0
        )
    run_sql("serve-existing.sql", url("admin", "old"), owner="old", password="hush")
    serving = url("flowlatch_serving", "old")
    assert shipped.start(tmp_path, {**OWNER, "DATABASE_URL": serving}).stop() == 0
