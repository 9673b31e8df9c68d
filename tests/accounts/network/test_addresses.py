"""Network addresses: read from the right, through our own proxies only."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.network.addresses import UNREADABLE, Network, client_address, network_of, parse

pytestmark = pytest.mark.fast

NONE: tuple[Network, ...] = ()
LOCAL = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
PROXIES = (*LOCAL, ipaddress.ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "expected"),
    [
        # Without proxies of ours the header is only text.
        ("203.0.113.5", [], NONE, "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], NONE, "203.0.113.5"),
        ("127.0.0.1", ["198.51.100.1"], NONE, "127.0.0.1"),
        ("203.0.113.5", ["198.51.100.1"], PROXIES, "203.0.113.5"),
        # One proxy: the last hop is what it saw.
        ("127.0.0.1", ["198.51.100.1"], LOCAL, "198.51.100.1"),
        ("::1", ["198.51.100.1"], LOCAL, "198.51.100.1"),
        ("127.0.0.1", [], LOCAL, "127.0.0.1"),
        # Forged left parts stay behind.
        ("127.0.0.1", ["1.1.1.1, 198.51.100.1"], LOCAL, "198.51.100.1"),
        ("127.0.0.1", ["1.1.1.1", "198.51.100.1"], LOCAL, "198.51.100.1"),
        ("127.0.0.1", ["127.0.0.1, 198.51.100.1"], LOCAL, "198.51.100.1"),
        ("127.0.0.1", ["<script>, 198.51.100.1"], LOCAL, "198.51.100.1"),
        # Two proxies in a row, in one header or two.
        ("127.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.2"], PROXIES, "198.51.100.1"),
        ("127.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.2"], PROXIES, "198.51.100.1"),
        ("127.0.0.1", ["10.0.0.3, 10.0.0.2"], PROXIES, "10.0.0.3"),
        # Ports and brackets are taken off, what is empty says nothing.
        ("127.0.0.1", ["203.0.113.7:51234"], LOCAL, "203.0.113.7"),
        ("127.0.0.1", ["[2001:db8::1]:443"], LOCAL, "2001:db8::1"),
        ("127.0.0.1", ["[2001:db8::1]"], LOCAL, "2001:db8::1"),
        ("127.0.0.1", ["[::ffff:203.0.113.7]:443"], LOCAL, "203.0.113.7"),
        ("127.0.0.1", ["1.1.1.1:80, 203.0.113.7:1 ,\t10.0.0.2:99"], PROXIES, "203.0.113.7"),
        ("127.0.0.1", ["[::1]:1, [::1]:2"], LOCAL, "::1"),
        ("127.0.0.1", [""], LOCAL, "127.0.0.1"),
        ("127.0.0.1", [" , ,"], LOCAL, "127.0.0.1"),
        ("127.0.0.1", ["1.1.1.1,"], LOCAL, "1.1.1.1"),
        ("127.0.0.1", ["1.1.1.1, , 10.0.0.2", ""], PROXIES, "1.1.1.1"),
        # What is no address ends the walk, and is neither the proxy nor anyone left of it.
        ("127.0.0.1", ["nonsense"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["1.1.1.1, unknown"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["1.1.1.1, _hidden, 10.0.0.2"], PROXIES, UNREADABLE),
        ("127.0.0.1", ["0177.0.0.1"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["2130706433"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["1.1.1.1:"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["1.1.1.1:http"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["1.1.1.1:123456"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["1.1.1.1 :80"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["1.1.1.1%eth0"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["[1.1.1.1]"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["[2001:db8::1"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["[2001:db8::1]x"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["for=1.1.1.1"], LOCAL, UNREADABLE),
        ("127.0.0.1", ['"1.1.1.1"'], LOCAL, UNREADABLE),
        ("127.0.0.1", ["1.1.1.1\xa0"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["1.1.1.\u0661"], LOCAL, UNREADABLE),
        ("127.0.0.1", ["[" + ":" * 9000 + "]"], LOCAL, UNREADABLE),
        ("127.0.0.1", [UNREADABLE], LOCAL, UNREADABLE),
        # Version 6, and version 4 inside it.
        ("127.0.0.1", ["2001:DB8:0::1"], LOCAL, "2001:db8::1"),
        ("::ffff:127.0.0.1", ["198.51.100.1"], LOCAL, "198.51.100.1"),
        ("127.0.0.1", ["::ffff:198.51.100.1"], LOCAL, "198.51.100.1"),
        ("127.0.0.1", ["1.1.1.1, ::ffff:10.0.0.2"], PROXIES, "1.1.1.1"),
        ("::ffff:203.0.113.5", [], NONE, "203.0.113.5"),
        # A peer that is no address (a unix socket).
        ("", ["198.51.100.1"], PROXIES, ""),
        ("testclient", ["198.51.100.1"], PROXIES, ""),
    ],
)
def test_the_walk_ends_at_the_first_hop_that_is_not_ours(
    peer: str, forwarded: Sequence[str], proxies: Sequence[Network], expected: str
) -> None:
    assert client_address(peer, forwarded, proxies) == expected


@given(st.lists(st.text(max_size=20), max_size=4), st.ip_addresses(v=4))
def test_a_forged_left_part_never_counts(forged: list[str], real: ipaddress.IPv4Address) -> None:
    if any(real in network for network in LOCAL if network.version == 4):
        return
    assert client_address("127.0.0.1", [*forged, str(real)], LOCAL) == str(real)


@given(st.text(), st.lists(st.text(), max_size=3))
def test_whatever_comes_the_answer_is_an_address_one_word_or_nothing(
    peer: str, forwarded: list[str]
) -> None:
    found = client_address(peer, forwarded, PROXIES)
    assert found in ("", UNREADABLE) or ipaddress.ip_address(found)


def test_what_cannot_be_read_is_one_bucket_and_in_no_network() -> None:
    assert network_of(UNREADABLE) == UNREADABLE
    assert parse(UNREADABLE) is None
    assert network_of("nonsense") == network_of("") == ""


def test_a_zone_is_no_way_to_bring_text_in() -> None:
    found = client_address("127.0.0.1", ["fe80::1%<b>x"], LOCAL)
    assert "<b>" not in found
