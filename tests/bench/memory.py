"""`make memory`: resident memory of the shipped server and how long it takes to start.

Measured with an environment that has only what requirements.txt names: packages for development
are loaded where they are installed. All processes count, three seconds after the first answer.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import processes
from tests.bench.streams import FLOW
from tests.ports import free_port
from tests.server.forks import PATIENCE, ROOT
from tests.server.shipped import OWNER, SERVE, Shipped, environment

SETTLED_AFTER = 3  # seconds from the first answer
POLLED_EVERY = 0.02  # seconds


@contextmanager
def started(python: Path, folder: Path, **env: str) -> Iterator[tuple[Shipped, float]]:
    """A server while the block runs, and the seconds until it answered."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    ours = environment(folder, PORT=str(port), **env)
    for name in ("PYTHONWARNINGS", "PYTHONDONTWRITEBYTECODE"):  # neither is there in life
        ours.pop(name, None)
    began = time.monotonic()
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [python, *SERVE], cwd=ROOT, env=ours, stdout=log, stderr=log, text=True
        )
    server = Shipped(folder, port, process, env=ours)
    try:
        _wait(server)
        yield server, time.monotonic() - began
    finally:
        server.stop()


def _wait(server: Shipped) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            server.request("GET", "/livez")
        except OSError:
            time.sleep(POLLED_EVERY)
        else:
            return
    raise SystemExit(f"The server did not start: {server.log}")


def measure(name: str, server: Shipped, seconds: float) -> None:
    """Print a line, once the server has come to rest."""
    time.sleep(SETTLED_AFTER)
    pids = processes.tree(server.process.pid)
    mib = processes.resident_mib(server.process.pid)
    print(f"{name:32} {mib:7.1f} {len(pids):10} {seconds:10.2f}", flush=True)


def ask_upstream(server: Shipped) -> None:
    """One call that an upstream answers."""
    port = free_port()
    upstream = subprocess.Popen([sys.executable, "-m", "tests.bench.upstream", str(port), "1"])
    try:
        time.sleep(1)  # it listens
        config = {"base_url": f"http://127.0.0.1:{port}", "flow_id": FLOW}
        server.do("set_engine", chatflow=server.chatflow, engine="flowise", config=config)
        key = server.do("make_key", team="acme", name="memory", opens=[server.chatflow])
        answer = server.predict(key, streaming=True)
        assert (answer.status, b'"end"' in answer.body) == (200, True), answer
    finally:
        upstream.terminate()
        upstream.wait()


def environment_of_its_own(folder: Path) -> Path:
    """A fresh virtual environment with what a server needs; its Python."""
    print("Installing what a server needs ...", flush=True)
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([python, *install, "-r", ROOT / "requirements.txt"], check=True)
    return python


def main() -> None:
    """Start a server three times and print what it holds."""
    parser = argparse.ArgumentParser(prog="make memory")
    parser.add_argument("--python", type=Path, help="of an environment that is there already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = arguments.python or environment_of_its_own(folder / "venv")
        print(f"{'':32} {'MiB':>7} {'processes':>10} {'seconds':>10}")
        for title in ("first start", "later start"):
            with started(python, folder / "data") as (server, seconds):
                measure(title, server, seconds)
        with started(python, folder / "owned", **OWNER) as (server, seconds):
            found = re.search(r"prediction/([0-9a-f-]{36})", server.log)
            server.chatflow = found[1] if found else ""
            ask_upstream(server)
            measure("after a call to an upstream", server, seconds)
        with started(python, folder / "data", WEB_CONCURRENCY="2") as (server, seconds):
            measure("later start, WEB_CONCURRENCY=2", server, seconds)


if __name__ == "__main__":
    main()
