"""The `openai` engine: a model of any OpenAI-compatible server."""

from chatflows.engines.events import Engine
from chatflows.engines.openai.config import OpenAIConfig
from chatflows.engines.sources import Materials

__all__ = ["OpenAIConfig", "make"]


def make(config: OpenAIConfig, materials: Materials) -> Engine:
    """Connect to the server of the model; needs a running loop."""
    from chatflows.engines.openai.engine import OpenAIEngine  # noqa: PLC0415 (brings aiohttp)

    return OpenAIEngine(materials.connect(), config, materials.secret)
