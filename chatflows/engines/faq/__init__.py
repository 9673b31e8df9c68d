"""The `faq` engine: answers from the entries that a team wrote. It has no settings."""

from chatflows.engines.configs import NoConfig
from chatflows.engines.events import Engine
from chatflows.engines.faq.engine import FaqEngine
from chatflows.engines.sources import Materials

__all__ = ["make"]


def make(config: NoConfig, materials: Materials) -> Engine:
    """Index the entries."""
    return FaqEngine(materials.entries, materials.fallback)
