"""A page that is asked under a foreign host says which setting is wrong: ours, or the proxy's."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("host", "has_proxy", "told"),
    [
        ("flowlatch", True, "The proxy hides the address"),
        ("chat.example.org", True, "This server answers at another address"),
        ("flowlatch", False, "This server answers at another address"),
    ],
)
def test_the_page_blames_what_is_wrong(
    client: Client, settings: Any, host: str, has_proxy: bool, told: str
) -> None:
    settings.ALLOWED_HOSTS = ["chat.example.com"]
    settings.TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),) if has_proxy else ()
    answer = client.get("/login/", headers={"Host": host})
    assert answer.status_code == 400
    assert told in answer.content.decode()
