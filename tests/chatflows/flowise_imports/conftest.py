"""A team to import into."""

import pytest

from accounts.models import Team
from tests import factories


@pytest.fixture
def acme() -> Team:
    return factories.team("Acme")
