"""A real litellm proxy behind a chatflow; it lives in an environment of its own, never in ours."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.clients.conftest import Door
from tests.ports import free_port
from tests.server.forks import PATIENCE
from tests.server.shipped import Answer

pytestmark = pytest.mark.server

VERSION = "litellm[proxy]==1.106.2"
CONFIG = Path(__file__).parent / "litellm.yaml"
SECRET = "sk-upstream-canary"
ASKED_FOR = "FLOWLATCH_TEST_LITELLM"
INSTALL_WITHIN, START_WITHIN = 120, 240  # seconds
HI: Any = [{"role": "user", "content": "Hi"}]


@pytest.fixture(scope="module")
def program(pytestconfig: pytest.Config) -> Path:
    """litellm's command. Not asked for, or not to be had, it is a skip that says so."""
    if not os.environ.get(ASKED_FOR):
        pytest.skip(f"{ASKED_FOR}=1 installs litellm (600 MB) beside the tests and asks it")
    assert pytestconfig.cache is not None
    place = pytestconfig.cache.mkdir("litellm") / VERSION.partition("==")[2]
    place.mkdir(exist_ok=True)
    command = place / "venv" / "bin" / "litellm"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "installed").exists():
            try:
                _install(place / "venv")
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                pytest.skip(f"litellm could not be installed: {error}")
            (place / "installed").touch()
    return command


def _install(folder: Path) -> None:
    uv = [sys.executable, "-m", "uv"]
    shutil.rmtree(folder, ignore_errors=True)
    for step in (
        [*uv, "venv", "-q", str(folder)],
        [*uv, "pip", "install", "-q", "--python", str(folder / "bin" / "python"), VERSION],
    ):
        subprocess.run(step, check=True, capture_output=True, text=True, timeout=INSTALL_WITHIN)


@pytest.fixture(scope="module")
def proxy(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where it listens."""
    port, folder = free_port(), tmp_path_factory.mktemp("litellm")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [program, "--config", CONFIG, "--host", "127.0.0.1", "--port", str(port)],
            env={**kept, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(f"{url}/health/liveliness", folder / "log")
            yield url
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait(url: str, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(log.read_text())


class Behind:
    """A chatflow before one of the proxy's models, and a client of it."""

    def __init__(self, door: Door, url: str, model: str, secret: str = SECRET) -> None:
        name = f"{model} {secret[-1]}"
        self.flow = door.server.do("make_chatflow", team="acme", name=name, entries=[])
        config = {"base_url": f"{url}/v1", "model": model}
        door.server.do(
            "set_engine", chatflow=self.flow, engine="openai", config=config, secret=secret
        )
        key = door.server.do("make_key", team="acme", name=name, opens=[self.flow])
        self.client = openai.OpenAI(base_url=f"{door.server.url}/v1", api_key=key, max_retries=0)
        self._server, self._key = door.server, key

    def predict(self, **fields: Any) -> Answer:
        """A prediction."""
        return self._server.predict(self._key, self.flow, **fields)

    def ask(self, **more: Any) -> Any:
        """A completion."""
        return self.client.chat.completions.create(model=self.flow, messages=HI, **more)


@pytest.fixture(scope="module")
def mock(door: Door, proxy: str) -> Iterator[Behind]:
    behind = Behind(door, proxy, "mock")
    with behind.client:
        yield behind


def test_a_whole_answer_comes_with_the_tokens_that_litellm_counted(mock: Behind) -> None:
    answer = mock.ask()
    assert answer.choices[0].message.content == "Hello from the mock model."
    assert answer.usage.total_tokens > 0
    flowises = mock.predict(question="Hi").json()
    assert flowises["text"] == "Hello from the mock model."
    assert flowises["usageMetadata"]["total_tokens"] > 0


def test_a_stream_comes_with_the_tokens_that_litellm_counted(mock: Behind) -> None:
    with mock.ask(stream=True, stream_options={"include_usage": True}) as stream:
        *chunks, last = stream
    told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert told == "Hello from the mock model."
    assert last.usage.total_tokens > 0


def test_litellms_limit_is_our_503(door: Door, proxy: str) -> None:
    behind = Behind(door, proxy, "busy")
    with behind.client, pytest.raises(openai.InternalServerError) as raised:
        behind.ask()
    assert (raised.value.status_code, raised.value.code) == (503, "upstream_rate_limited")
    assert int(raised.value.response.headers["retry-after"]) > 0


def test_a_key_that_litellm_refuses_is_our_502(door: Door, proxy: str) -> None:
    behind = Behind(door, proxy, "mock", secret="sk-wrong")
    with behind.client, pytest.raises(openai.InternalServerError) as raised:
        behind.ask()
    # Without a database of keys litellm says 400, which is no refusal in HTTP's words.
    assert (raised.value.status_code, raised.value.code) == (502, "upstream_error")
    assert SECRET not in door.server.log
