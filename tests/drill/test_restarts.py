"""The drill of restarts at a hundredth, on servers that wait for streams for a moment alone."""

import pytest

from tests.drill import proxies, restarts

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(proxies.NGINX is None, reason="there is no nginx"),
]


def test_a_rolling_restart_behind_nginx_loses_nothing() -> None:
    seen = restarts.restart_both(0.01, command=("-m", "tests.server.hurried"))
    assert seen["streams that were told"] >= 1
