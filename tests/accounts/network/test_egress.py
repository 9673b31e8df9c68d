"""The way out: what may be saved, and what is really connected to."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import aiohttp
import pytest
from aiohttp.resolver import ThreadedResolver
from pytest_django import Settings

from accounts.network import connections, egress
from accounts.network.egress import InvalidUrl, Refused

pytestmark = pytest.mark.fast

PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.9.10",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::",
    "2001:0:808:808::80ff:fffe",  # Teredo, its client 127.0.0.1
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.fixture(autouse=True)
def _nothing_listed(settings: Settings) -> None:
    settings.ALLOWED_UPSTREAM_NETWORKS = ()


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A listener that must see nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener
        with pytest.raises(BlockingIOError):
            listener.accept()


def get(url: str) -> None:
    """Ask once."""

    async def ask() -> None:
        async with connections.session() as client:
            (await connections.request(client, "GET", url)).close()

    asyncio.run(asyncio.wait_for(ask(), 5))


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_at_connect(address: str) -> None:
    with pytest.raises(Refused):
        egress.check_address(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not(address: str) -> None:
    egress.check_address(address)


def test_a_listed_network_is_open_and_nothing_beside_it(settings: Settings) -> None:
    settings.ALLOWED_UPSTREAM_NETWORKS = (ip_network("127.0.0.0/8"),)
    egress.check_address("127.0.0.1")
    egress.check_address("::ffff:127.0.0.1")
    for address in ("::1", "10.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"):
        with pytest.raises(Refused):
            egress.check_address(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "127.1", "0177.0.0.1", "0", "[::1]",
     "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1%25eth0]", "127.0.0.1.", "localhost.",
     "127\u30020\u30020\u30021", "\uff11\uff12\uff17.0.0.1", "127.0.0.1%00", "%31%32%37.0.0.1"],
)  # fmt: skip
def test_no_spelling_of_a_private_address_is_saved_or_reached(
    host: str, canary: socket.socket
) -> None:
    url = f"http://{host}:{canary.getsockname()[1]}"
    with pytest.raises(InvalidUrl):
        egress.check_url(url)
    with pytest.raises((aiohttp.ClientError, OSError, ValueError)):
        get(url)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a.example", "//a.example", "http://", "http:///x", "http://u@a.example",
     "http://u:p@a.example", "http://a.example?x", "http://a.example/#x", "http://a.example:0",
     "http://a.example:99999", "http://a.example:", "http://a..example", "http://a example",
     "http://a.example\\@b.example", "http://-a.example", "http://1.2.3", "http://a.0x1",
     "http://[1.2.3.4]", "http://[::1", "http://" + "a" * 400, "javascript:alert(1)"],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        egress.check_url(url)
    assert str(caught.value).endswith(".")


def test_a_plain_url_is_taken_with_its_origin() -> None:
    assert egress.check_url(" https://nope.invalid/base/ ") == "https://nope.invalid/base"
    assert egress.origin("https://nope.invalid/base") == "https://nope.invalid:443"
    assert egress.origin("http://[2606:4700::1111]:81/x") == "http://[2606:4700::1111]:81"
    assert egress.origin("http://A.Example") == egress.origin("http://a.example:80/")


def test_a_resolver_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go, begun = threading.Event(), []

    def hangs(host: str, port: None) -> list[Any]:
        begun.append(host)
        let_go.wait(10)
        return []

    monkeypatch.setattr(egress, "LOOK_UP_WITHIN", 0.01)
    monkeypatch.setattr(egress, "_look_ups", threading.BoundedSemaphore(2))
    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    for _ in range(4):
        with pytest.raises(InvalidUrl, match="in time"):
            egress.check_url("http://slow.example")
    let_go.set()
    assert len(begun) == 2, "more would pile up behind a resolver that is gone"
    for thread in threading.enumerate():
        if thread.name == "look-up":
            thread.join(10)
    assert egress.check_url("http://slow.example") == "http://slow.example"


@pytest.mark.parametrize("addresses", [["203.0.113.7", "127.0.0.1"], ["127.0.0.1", "1.1.1.1"]])
def test_a_name_with_one_private_address_is_refused_whole(
    addresses: list[str], canary: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(self: Any, host: str, port: int = 0, family: int = 0) -> list[Any]:
        return [_found(host, address, port) for address in addresses]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    with pytest.raises(aiohttp.ClientConnectorError):
        get(f"http://two.example:{canary.getsockname()[1]}")


def test_a_name_that_changes_after_the_look_up_is_refused_at_its_socket(
    canary: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(self: Any, host: str, port: int = 0, family: int = 0) -> list[Any]:
        return [_found(host, "127.0.0.1", port)]  # as if nobody had checked it

    monkeypatch.setattr(connections._CheckedResolver, "resolve", resolve)
    with pytest.raises(aiohttp.ClientConnectorError):
        get(f"http://rebound.example:{canary.getsockname()[1]}")


def test_proxies_of_the_environment_are_not_used(
    canary: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = f"http://127.0.0.1:{canary.getsockname()[1]}"
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    with pytest.raises(aiohttp.ClientError):
        get("http://nope.invalid")


def _found(host: str, address: str, port: int) -> dict[str, Any]:
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": socket.AF_INET,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST,
    }
