"""Lock-outs behind a proxy: a client's own address counts, however the proxy writes it."""

from ipaddress import ip_network

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests import factories

pytestmark = pytest.mark.django_db

WRONG = "wrong password here"


@pytest.mark.parametrize("form", ["203.0.{}.7:51234", "[2001:db8:{}::1]:443", "203.0.{}.7:80, "])
def test_ports_of_a_proxy_lock_nobody_else_out(
    client: Client, alice: User, settings: Settings, form: str
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]

    def log_in(number: int, password: str) -> int:
        fields = {"login": "alice", "password": password}
        far = {"x-forwarded-for": form.format(number)}
        return client.post("/login/", fields, REMOTE_ADDR="10.0.0.1", headers=far).status_code

    assert [log_in(n, WRONG) for n in range(11)] == [422] * 11
    assert log_in(99, factories.PASSWORD) == 302


def test_clients_that_a_proxy_does_not_name_are_counted_together_and_apart_from_it(
    client: Client, alice: User, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]

    def log_in(forwarded: str, password: str) -> int:
        fields = {"login": "alice", "password": password}
        far = {"x-forwarded-for": forwarded} if forwarded else {}
        return client.post("/login/", fields, REMOTE_ADDR="10.0.0.1", headers=far).status_code

    for odd in ("unknown", "_hidden", "192.0.2.7, garbage", "x" * 500) * 3:
        log_in(odd, WRONG)
    assert log_in("nobody-knows", factories.PASSWORD) == 429
    assert log_in("192.0.2.7", factories.PASSWORD) == 302
    assert log_in("", factories.PASSWORD) == 302
