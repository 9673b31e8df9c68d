"""`make many`: how long pages and checks take with very many keys and chatflows.

Median of five, each page asked once before. The checks of the gate are of other keys each time, so
that each one reads.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from tests.postgres import Postgres
from tests.server.shipped import OWNER, POSTGRES, environment, start

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Team
    from chatflows.gate.readers.facts import AccessReader
    from tests.bench.many import Made

CHECKS = 3000
TIMES = 5
LIST = "/t/acme/keys/"


def main() -> None:
    """Fill a database that goes away, and measure."""
    parser = argparse.ArgumentParser(prog="make many")
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--chatflows", type=int, default=10_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--folder", type=Path, help="keep the data there, or take what is there")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        if arguments.database == "postgres":
            os.environ[POSTGRES] = stack.enter_context(Postgres("max_wal_size=8GB")).url
        server = start(folder / "data", OWNER, is_fork=False)
        server.stop()
        os.environ.update(environment(folder / "data", **server.env))
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django

        django.setup()
        measure(arguments.keys, arguments.chatflows)


def measure(keys: int, chatflows: int) -> None:
    """Print the cost of a check with few keys and with many, and the time of each page."""
    from accounts.models import Team, User
    from tests import factories
    from tests.bench import many

    team = Team.objects.get(slug="acme")
    few = _few(team)
    before = check_cost(few)
    began = time.perf_counter()
    with _unhurried():
        made = many.found(team) or many.fill(team, keys, chatflows)
    print(f"{keys:,} keys, {chatflows:,} chatflows made in {time.perf_counter() - began:.0f} s")
    after = check_cost(made)
    again = check_cost(few)
    print(
        f"A check: {before:.1f} us with 10 keys, {after:.1f} us with all ({after / before:.2f}); "
        f"of the first keys then {again:.1f} us"
    )
    browser = factories.client(User.objects.get(username="alice"), is_fresh=True)
    print("Each page: by the clock, and this process's own time (with PostgreSQL not the server's)")
    bearer = _bearer(team)
    for path in paths(made):
        times = [_ask(browser, path, bearer) for _ in range(TIMES + 1)][1:]
        wall, processor = (statistics.median(each) * 1000 for each in zip(*times, strict=True))
        print(f"{wall:7.0f} ms {processor:7.0f} ms  {path}", flush=True)


def check_cost(made: "Made") -> float:
    """Microseconds of the reader's one statement, for other keys each time."""
    from django.conf import settings
    from django.db import connection

    from chatflows.gate.readers.postgres import PostgresReader
    from chatflows.gate.readers.sqlite import SqliteReader
    from config import databases

    async def checks() -> float:
        reader: AccessReader
        if connection.vendor == "sqlite":
            reader = SqliteReader(Path(connection.settings_dict["NAME"]))
        else:
            reader = PostgresReader(databases.connection_parameters(settings.DATABASES["default"]))
        dice = random.Random(1)
        asked = [(dice.choice(made.public_ids), dice.choice(made.chatflows)) for _ in range(CHECKS)]
        costs = []
        for public_id, chatflow_id in asked:
            reader._kept.clear()
            began = time.perf_counter()
            await reader.read(public_id, chatflow_id)
            costs.append(time.perf_counter() - began)
        reader.close()
        return statistics.median(costs) * 1e6

    return asyncio.run(checks())


def paths(made: "Made") -> list[str]:
    """The pages to ask."""
    from apikeys.models import ApiKey

    flow, busy = made.chatflows[7], made.chatflows[0]
    default = ApiKey.objects.of(made.team).get(name=ApiKey.DEFAULT_NAME).pk
    some = ApiKey.objects.of(made.team).filter(secrets__public_id=made.public_ids[-1])[0].pk
    shows = [f"{LIST}?show={show}" for show in ("active", "attention", "disabled", "unused")]
    words = ("crm-sync-lund", "lund", "maker3", made.public_ids[5][:4], "nothing-like-it")
    searches = [f"{LIST}?q={word}" for word in words]
    of_flows = [f"/t/acme/chatflows/{each}/" for each in (flow, busy)]
    return [
        *(LIST, *shows, *searches),
        *of_flows,
        *(f"{of_flows[0]}?q=lund", f"{of_flows[0]}access/keys/?q=crm-sync-l"),
        *(f"{LIST}new/", f"{LIST}{some}/delete/", f"{LIST}{default}/delete/"),
        *("/t/acme/chatflows/", "/t/acme/chatflows/?q=helper+99", "/t/acme/chatflows/?mode=off"),
        *(f"/api/v1/apikey/{some}", "/api/v1/apikey?limit=50", "/api/v1/apikey"),
        *("/api/v1/apikey?limit=50&status=disabled", "/api/v1/apikey?name=reader"),
        *("/t/acme/service-accounts/", "/t/acme/audit/", "/t/acme/members/", "/operator/teams/"),
    ]


def _unhurried() -> AbstractContextManager[None]:
    """Return a context in which statements take as long as they need."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return nullcontext()
    from config import postgresql

    return postgresql.unhurried(connection)


def _few(team: "Team") -> "Made":
    from tests import factories
    from tests.bench.many import Made

    stamp = time.time_ns()
    flow = factories.chatflow(team, f"First {stamp}")
    made = [factories.key(team, f"first-{stamp}-{n}", flow)[0] for n in range(9)]
    ids: list[UUID] = [flow.id]
    return Made(team, ids, [key.secrets.get().public_id for key in made])


def _bearer(team: "Team") -> dict[str, str]:
    """Return the header of a new key that reads keys, for operations of the API."""
    from apikeys.services import keys
    from tests import factories

    name = f"reader-{time.time_ns()}"
    _, text = keys.add(team, name, factories.TESTER, scopes=["apikeys:view"])
    return {"Authorization": f"Bearer {text}"}


def _ask(browser: "Client", path: str, bearer: dict[str, str]) -> tuple[float, float]:
    headers = bearer if path.startswith("/api/") else {}
    began = time.perf_counter(), time.process_time()
    response = browser.get(path, HTTP_HOST="localhost", headers=headers)
    seconds = time.perf_counter() - began[0], time.process_time() - began[1]
    if response.status_code != 200:
        print(f"{response.status_code} {path}")
    return seconds


if __name__ == "__main__":
    main()
