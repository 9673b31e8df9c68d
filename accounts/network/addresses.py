"""Network addresses: read the client's address of a request. Pure."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_TEXT_LENGTH = 100  # characters; an IPv6 address with a zone is well below
# What a proxy of ours wrote of a client, where it is no address (`unknown`, `_hidden`): all such
# clients together are counted and recorded under this word. It is in no network.
UNREADABLE = "unreadable"
MAPPED = 96  # bits before an IPv4 address inside IPv6 (RFC 4291)
_WITH_PORT = re.compile(
    r"(?:\[(?P<v6>[^\[\]]*:[^\[\]]*)\]|(?P<v4>[0-9.]+))(?::[0-9]{1,5})?", re.ASCII
)


def client_address(peer: str, forwarded: Iterable[str], proxies: Sequence[Network]) -> str:
    """Return the client's address: from the right of X-Forwarded-For, past our own proxies only.

    `peer` is the address that connected, `forwarded` the header's values in order. The walk ends at
    the first address that is not one of our proxies, because anyone could have written what stands
    left of it. Ports and brackets are taken off and empty elements skipped; other text that is no
    address is UNREADABLE.
    """
    current = parse(peer)
    if current is None:
        return ""
    texts = [hop.strip(" \t") for value in forwarded for hop in value.split(",")]
    hops = [text for text in texts if text]
    while hops and any(current in network for network in proxies):
        current = _without_port(hops.pop())
        if current is None:
            return UNREADABLE
    return _text(current)


@lru_cache(maxsize=4096)  # a busy caller asks again and again
def direct_address(peer: str) -> str:
    """Return the address of a client that came without a proxy; empty if it is none."""
    return client_address(peer, (), ())


def parse(text: str) -> Address | None:
    """Return an address, with IPv4 inside IPv6 unwrapped, or None if the text is no address."""
    return _parse(text) if len(text) <= MAX_TEXT_LENGTH else None


def network(text: str) -> Network:
    """Return a network, with IPv4 inside IPv6 unwrapped as in `parse`. Raises ValueError."""
    if "%" in text:  # of one interface: what we compare has no zone
        raise ValueError("a network has no zone")
    found = ipaddress.ip_network(text.removeprefix("[").removesuffix("]"))
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if mapped is None or found.prefixlen < MAPPED:
        return found
    return ipaddress.ip_network(f"{mapped}/{found.prefixlen - MAPPED}")


def _without_port(text: str) -> Address | None:
    found = _WITH_PORT.fullmatch(text) if len(text) <= MAX_TEXT_LENGTH else None
    return parse((found["v6"] or found["v4"]) if found else text)


_text = lru_cache(maxsize=4096)(str)


@lru_cache(maxsize=4096)  # a busy caller asks again and again
def _parse(text: str) -> Address | None:
    try:
        # Without its zone (RFC 4007), which is free text and would go into records.
        address = ipaddress.ip_address(text.partition("%")[0] if ":" in text else text)
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
    """Return the /24 (IPv4) or /48 (IPv6) of an address, for counting.

    UNREADABLE counts as a network of its own, other text that is no address as ''.
    """
    address = parse(text)
    if address is None:
        return UNREADABLE if text == UNREADABLE else ""
    prefix = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))
