"""The drill of restarts at a hundredth: two instances are restarted, and nothing is lost."""

import pytest

from tests.deploy import proxies
from tests.drill import restarts

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(proxies.BINARY is None, reason="needs nginx"),
    pytest.mark.xdist_group("draining"),
]


def test_no_call_and_no_stream_is_lost_while_both_instances_restart() -> None:
    restarts.restarts(0.01)
