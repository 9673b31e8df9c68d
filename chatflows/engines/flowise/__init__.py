"""The `flowise` engine: a flow of a Flowise server."""

from chatflows.engines.events import Engine
from chatflows.engines.flowise.config import FlowiseConfig
from chatflows.engines.sources import Materials

__all__ = ["FlowiseConfig", "make"]


def make(config: FlowiseConfig, materials: Materials) -> Engine:
    """Make an engine that asks the flow's server. Needs a running loop."""
    from chatflows.engines.flowise.engine import FlowiseEngine  # noqa: PLC0415 (brings aiohttp)

    return FlowiseEngine(materials.connect(), config, materials.secret)
