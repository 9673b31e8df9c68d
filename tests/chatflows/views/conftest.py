"""An entry of the FAQ."""

import pytest

from chatflows.faq import entries
from chatflows.models import Chatflow, FaqEntry
from tests import factories


@pytest.fixture
def entry(faq: Chatflow) -> FaqEntry:
    return entries.add(faq, "Who are you?", "A test.", factories.TESTER)
