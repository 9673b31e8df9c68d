"""Network addresses: read the client's address of a request. Pure."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_TEXT_LENGTH = 100  # characters; an IPv6 address with a zone is well below


def client_address(peer: str, forwarded: Iterable[str], proxies: Sequence[Network]) -> str:
    """Return the client's address: from the right of X-Forwarded-For, past our own proxies only.

    `peer` is the address that connected, `forwarded` the header's values in order. The walk ends at
    the first address that is not one of our proxies, because anyone could have written what stands
    left of it. Text that is no address is never returned.
    """
    current = parse(peer)
    if current is None:
        return ""
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    while hops and any(current in network for network in proxies):
        hop = parse(hops.pop())
        if hop is None:
            break
        current = hop
    return _text(current)


@lru_cache(maxsize=4096)  # a busy caller asks again and again
def direct_address(peer: str) -> str:
    """Return the address of a client that came without a proxy; empty if it is none."""
    return client_address(peer, (), ())


def parse(text: str) -> Address | None:
    """Return an address, with IPv4 inside IPv6 unwrapped, or None if the text is no address."""
    return _parse(text) if len(text) <= MAX_TEXT_LENGTH else None


_text = lru_cache(maxsize=4096)(str)


@lru_cache(maxsize=4096)  # a busy caller asks again and again
def _parse(text: str) -> Address | None:
    try:
        # Without its zone (RFC 4007), which is free text and would go into records.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def host_of(address: Address | None) -> Network | None:
    """Return what one host may fill: an address, or with IPv6 the /64 that it lies in."""
    if address is None:
        return None
    prefix = 32 if address.version == 4 else 64
    return ipaddress.ip_network(f"{address}/{prefix}", strict=False)


def network_of(text: str) -> str:
    """Return the /24 (IPv4) or /48 (IPv6) of an address, for counting, or '' for no address."""
    address = parse(text)
    if address is None:
        return ""
    prefix = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))
