"""Rolling restarts of two instances behind nginx, while calls and streams go on."""

import http.client
import json
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.chatflows.engines import faults
from tests.chatflows.engines.upstreams import hosting
from tests.deploy import proxies
from tests.deploy.proxies import HOST, Proxy
from tests.server import shipped
from tests.server.forks import PATIENCE
from tests.server.shipped import OWNER, Shipped
from tests.server.world import World, eventually

CALLS, STREAMS = 2000, 200
CALLERS = 8  # at once; streams are as many again
PIECES = 8  # of a stream, with PAUSE between them
PAUSE = 0.25  # seconds
BEHIND = {
    **OWNER,
    "PUBLIC_URL": f"https://{HOST}",
    "TRUSTED_PROXIES": "127.0.0.1",
    "WEB_CONCURRENCY": "2",
}
CHUNK = faults.chunked(
    b'data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":null}]}\n\n'
)
LAST = faults.chunked(
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
END = b"0\r\n\r\n"


@dataclass
class Load:
    """Clients behind the proxy, and how each of their calls ended."""

    proxy: Proxy
    key: str
    seen: Counter[str] = field(default_factory=Counter)
    _ending: threading.Event = field(default_factory=threading.Event)

    def call(self, flow: str) -> None:
        """Ask whole questions, one after the other, until the end."""
        while not self._ending.is_set():
            status, body = self._ask(flow, {"question": "What is Flowlatch?"})
            is_right = status == 200 and b"Flowlatch" in body
            self.seen["call" if is_right else f"lost call: {status}"] += 1

    def stream(self, flow: str) -> None:
        """Ask for streams, one after the other, until the end."""
        while not self._ending.is_set():
            status, body = self._ask(flow, {"question": "?", "streaming": True})
            is_whole = body.count(b"Hello") >= PIECES and b'"event":"end"' in body
            is_told = b'"event":"error"' in body
            self.seen["stream" if is_whole or is_told else f"lost stream: {status}"] += 1

    def end(self) -> None:
        """Begin no more."""
        self._ending.set()

    def _ask(self, flow: str, question: dict[str, object]) -> tuple[int, bytes]:
        head = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        path = f"/api/v1/prediction/{flow}"
        try:
            found = self.proxy.request("POST", path, json.dumps(question).encode(), head)
        except (OSError, http.client.HTTPException) as error:
            return 0, type(error).__name__.encode()
        return found[0], found[2]


def restarts(scale: float) -> None:
    """Restart both instances in turn until enough was asked; nothing may be lost."""
    calls, streams = max(int(CALLS * scale), CALLERS), max(int(STREAMS * scale), CALLERS)
    folder = Path(tempfile.mkdtemp(prefix="flowlatch-drill-"))
    with hosting() as host:
        first = shipped.start(folder / "data", BEHIND)
        world = World(first, host)
        answer = faults.says(faults.SSE, *[CHUNK] * PIECES, LAST, END, pause=PAUSE)
        flow = world.chatflow("openai", {"base_url": host.listen(answer), "model": "slow"})
        key = world.key(first.chatflow, flow)
        instances = [first, shipped.start(folder / "data", BEHIND)]
        with proxies.running(folder, [each.port for each in instances]) as proxy:
            load = Load(proxy, key)
            threads = [
                threading.Thread(target=asks, args=(of,))
                for asks, of in ((load.call, first.chatflow), (load.stream, flow))
                for _ in range(CALLERS)
            ]
            for thread in threads:
                thread.start()
            try:
                rounds = _restart_until(instances, load, calls, streams)
            finally:
                load.end()
                for thread in threads:
                    thread.join()
        for each in instances:
            assert each.stop() == 0
    seen = load.seen
    print(f"{seen['call']} calls and {seen['stream']} streams, {rounds} restarts")
    lost = {name: count for name, count in seen.items() if name.startswith("lost")}
    assert not lost, f"{lost}: none may be lost"


def _restart_until(instances: list[Shipped], load: Load, calls: int, streams: int) -> int:
    rounds = 0
    deadline = time.monotonic() + 600
    while rounds < 2 or load.seen["call"] < calls or load.seen["stream"] < streams:
        assert time.monotonic() < deadline, "too slow"
        number = rounds % 2
        instances[number] = _restarted(instances[number])
        rounds += 1
    return rounds


def _restarted(instance: Shipped) -> Shipped:
    """Stop an instance, start it on the same port, and wait until it is ready."""
    assert instance.stop() == 0
    again = shipped.start(instance.folder, {**BEHIND, "PORT": str(instance.port)})
    assert eventually(lambda: again.request("GET", "/readyz").status == 200, PATIENCE)
    return again
