"""The `openai` engine: a model of any OpenAI-compatible server."""

from chatflows.engines.events import Engine
from chatflows.engines.openai.config import OpenAIConfig
from chatflows.engines.sources import Materials

__all__ = ["OpenAIConfig", "make"]


def make(config: OpenAIConfig, materials: Materials) -> Engine:
    """Make an engine that asks the model's server. Needs a running loop."""
    from chatflows.engines.openai.engine import OpenAIEngine  # noqa: PLC0415 (brings aiohttp)

    return OpenAIEngine(materials.connect(), config, materials.secret)
