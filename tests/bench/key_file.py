"""`python -m tests.bench.key_file`: what a change costs more with a key file.

A key is disabled or enabled, in turn with and without a key file, in a database that goes away.
Each time is from the call of the service until it returns, so with all that waits for the commit.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.server.shipped import OWNER, environment, start

if TYPE_CHECKING:
    from apikeys.models import ApiKey

TIMES = 40


def main() -> None:
    """Fill a database that goes away, and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.key_file")
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--chatflows", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        env = {**OWNER, "APIKEY_PATH": str(Path(home) / "keys")}
        server = start(Path(home) / "data", env, is_fork=False)
        server.stop()
        os.environ.update(environment(Path(home) / "data", **server.env))
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django

        django.setup()
        measure(arguments.keys, arguments.chatflows)


def measure(keys: int, chatflows: int) -> None:
    """Print what the first writing takes, and a change with and without the file."""
    from django.db import connection

    from accounts.models import Team
    from apikeys.key_file import changes, layout, writing
    from apikeys.models import ApiKey
    from tests.bench import many

    changes.remove()
    many.fill(Team.objects.get(slug="acme"), keys, chatflows)
    connection.close()  # it was in a hurry; the next one waits for the disk
    print(f"{ApiKey.objects.count():,} keys, {chatflows:,} chatflows")
    changes.install()
    began = time.perf_counter()
    writing.write(within=0, again=True)
    took = time.perf_counter() - began
    size = (writing.folder() / layout.NAME).stat().st_size / 2**20
    print(f"first writing of a process: {took:.2f} s, the file {size:.1f} MiB")
    key = ApiKey.objects.filter(expires_at=None, service_account=None)[0]
    with_file, without = [], []
    for _ in range(TIMES):
        with_file.append(_change(key))
        without.append(_without(key))
        writing.catch_up(threading.Event())
    if keys >= writing.AT_ONCE:
        times = [_by_the_worker(key) for _ in range(TIMES)]
        print(f"by the worker: {statistics.median(times) * 1000:.1f} ms")
    for words, times in (("with the file", with_file), ("without", without)):
        ordered = sorted(times)
        print(
            f"a change {words}: median {statistics.median(times) * 1000:.1f} ms, "
            f"p95 {ordered[int(len(ordered) * 0.95)] * 1000:.1f} ms"
        )


def _change(key: "ApiKey") -> float:
    from apikeys.services import keys
    from tests import factories

    change = keys.disable if key.disabled_at is None else keys.enable
    began = time.perf_counter()
    change(key, factories.TESTER)
    return time.perf_counter() - began


def _without(key: "ApiKey") -> float:
    from django.db import connection

    wrappers, connection.execute_wrappers = connection.execute_wrappers, []
    try:
        return _change(key)
    finally:
        connection.execute_wrappers = wrappers


def _by_the_worker(key: "ApiKey") -> float:
    from apikeys.key_file import writing

    _without(key)
    began = time.perf_counter()
    writing.catch_up(threading.Event())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
