"""What LIMITS_URL may say, and what a start says of processes that count apart."""

import pytest
from pytest_django import Settings

from config import limit_stores, preparation


@pytest.mark.fast
@pytest.mark.parametrize(
    "url",
    [
        "redis://store.example:6379",
        "redis://store.example:6379/0",
        "rediss://user:pass%40word@store.example:6379/3",
        "valkey://:secret@10.0.0.1:6379",
        "valkey://[::1]:6379/0",
        "valkeys://store.example:6380?ssl_ca_certs=/etc/ssl/store.pem&ssl_cert_reqs=required",
        "valkey+unix:///run/valkey/valkey.sock",
        "redis+unix://:secret@/run/redis.sock?db=2",
    ],
)
def test_what_the_client_reads_is_taken(url: str) -> None:
    assert limit_stores.is_readable(url)


@pytest.mark.fast
@pytest.mark.parametrize(
    "url",
    [
        "store.example:6379",
        "http://store.example:6379",
        "memory://",
        "memcached://store.example:11211",
        "redis+cluster://store.example:6379",
        "redis://",
        "redis://store.example",
        "redis://:6379",
        "redis://store.example:nonsense",
        "redis://store.example:6379/first",
        "redis://store.example:6379/0?db=first",
        "redis://store.example:6379?unknown=1",
        "redis://store.example:6379?db",
        "redis://user:pass#word@store.example:6379",
        "redis://user:pass/word@store.example:6379",
        "redis://user:pass?word@store.example:6379",
        "redis+unix://",
        "redis+unix://store.example/run/redis.sock",
        "redis://[::1:6379",
    ],
)
def test_what_it_does_not_read_stops_the_start(url: str) -> None:
    assert not limit_stores.is_readable(url)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("processes", "url", "is_warned"), [(1, "", False), (4, "", True), (4, "valkey://s:1", False)]
)
def test_a_start_warns_where_processes_count_apart(
    settings: Settings, processes: int, url: str, is_warned: bool
) -> None:
    settings.WEB_CONCURRENCY, settings.LIMITS_URL = processes, url
    warning = f"up to {processes} times"
    assert (warning in "\n".join(preparation.welcome())) is is_warned
