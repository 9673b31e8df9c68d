"""A shipped server with upstreams behind it: a stand-in of Flowise, and one of OpenAI."""

import time
from typing import Any

from tests.chatflows.engines.upstreams import FLOW, KEY, Flowise, Host, OpenAI
from tests.server.forks import PATIENCE
from tests.server.shipped import Shipped

LIMITS = {
    "UPSTREAM_FIRST_BYTE_TIMEOUT": "2",
    "UPSTREAM_IDLE_TIMEOUT": "2",
    "UPSTREAM_TOTAL_TIMEOUT": "20",
    "MAX_STREAMS_PER_KEY": "200",
}


class World:
    """A server, its upstreams, and a key that opens what is made here."""

    def __init__(self, server: Shipped, host: Host) -> None:
        self.server, self.host = server, host
        self.flowise, self.openai = Flowise(), OpenAI()
        self.flowise_url = host.serve(self.flowise.app)
        self.openai_url = host.serve(self.openai.app)
        self._names = 0

    def chatflow(self, engine: str, config: dict[str, Any], secret: str | None = KEY) -> str:
        """A chatflow with an engine."""
        self._names += 1
        flow: str = self.server.do(
            "make_chatflow", team="acme", name=f"Flow {self._names}", entries=[]
        )
        self.server.do("set_engine", chatflow=flow, engine=engine, config=config, secret=secret)
        return flow

    def flowise_flow(self, url: str = "", secret: str = KEY) -> str:
        """A chatflow of the stand-in, or of another server."""
        config = {"base_url": url or self.flowise_url, "flow_id": FLOW}
        return self.chatflow("flowise", config, secret)

    def openai_flow(self, **config: Any) -> str:
        """A chatflow of the OpenAI-compatible server."""
        config = {"base_url": f"{self.openai_url}/v1", "model": "tiny", **config}
        return self.chatflow("openai", config)

    def key(self, *flows: str, name: str = "") -> str:
        """The text of a key that opens chatflows."""
        self._names += 1
        name = name or f"key {self._names}"
        text: str = self.server.do("make_key", team="acme", name=name, opens=list(flows))
        return text


def eventually(is_so: Any, within: float = PATIENCE) -> bool:
    """Whether something comes true in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.01)
    return bool(is_so())
