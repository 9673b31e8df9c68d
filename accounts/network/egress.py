"""Egress: which URLs may be saved, and which addresses `connections` may connect to."""

import ipaddress
import re
import socket
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOOK_UP_WITHIN = 3.0  # seconds, of a name in an address that is saved
MAX_URL_LENGTH = 300  # characters
DEFAULT_PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE = ipaddress.IPv6Network("::/96")
# What older Pythons call public: protocol assignments with Oracle's metadata, local NAT64,
# documentation, segment routing; and the host agent of Azure, private by use alone.
NEVER_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",
        "168.63.129.16/32",
        "64:ff9b:1::/48",
        "3fff::/20",
        "5f00::/16",
    )
)

NOT_OPEN = (
    "This address can't be used. If it is a server of yours, the operator can list its network in "
    "ALLOWED_UPSTREAM_NETWORKS."
)
TOO_SLOW = "The host's name could not be looked up in time. Try again, or check the name server."
# A look-up can't be broken off: so many may hang, then no more begin.
_look_ups = BoundedSemaphore(16)
_ALLOWED_CHARACTERS = re.compile(r"[\x21-\x5b\x5d-\x7e]+")  # no space, no control, no backslash
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")  # as a last label: an address in disguise


class Refused(OSError):
    """The address is not one that we connect to. An OSError: to callers it looks unreachable."""


class InvalidUrl(ValueError):
    """The URL is refused; the message is for the person who typed it."""


def origin(url: str) -> str:
    """`scheme://host:port` of a URL that `check_url` took: what a stored secret is bound to."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{parts.port or DEFAULT_PORTS[parts.scheme]}"


def check_url(url: str) -> str:
    """The URL without a trailing slash, if it may be saved. Raises InvalidUrl.

    Looks names up, for at most LOOK_UP_WITHIN: call it before a transaction and never in the loop.
    A name that nobody knows right now passes; each connection is checked again.
    """
    parts = _parse(url.strip())
    host = parts.hostname or ""
    if host.startswith("[") or ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        _check_literal(host)
    elif not _NAME.fullmatch(host):
        raise InvalidUrl(
            "The host's name can't be read. Write it in plain letters, without a dot at the end."
        )
    else:
        _check_name(host)
    return url.strip().rstrip("/")


def check_address(text: str) -> None:
    """Raises Refused unless an address is public or in a network that the operator listed."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if not _is_open(address):
        raise Refused("address not allowed")


def _parse(url: str) -> SplitResult:
    if len(url) > MAX_URL_LENGTH:
        raise InvalidUrl(f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if not _ALLOWED_CHARACTERS.fullmatch(url):
        raise InvalidUrl(
            "Write the URL in plain ASCII without spaces, such as https://example.org."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidUrl("The URL can't be read.") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise InvalidUrl("Begin with http:// or https:// and a host.")
    if "@" in parts.netloc:
        raise InvalidUrl("Leave user name and password out of the URL.")
    if "?" in url or "#" in url:
        raise InvalidUrl("Leave out everything from ? or # on.")
    if port == 0 or parts.netloc.endswith(":"):
        raise InvalidUrl("The port can't be read.")
    return parts


def _check_literal(host: str) -> None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise InvalidUrl("Write the address in full, such as 192.0.2.10.") from None
    if address.version == 6 and (address.scope_id is not None or _embedded(address)):
        raise InvalidUrl("Write the address in its plain form.")
    if not _is_open(address):
        raise InvalidUrl(NOT_OPEN)


def _check_name(host: str) -> None:
    try:
        for address in _look_up(host):
            check_address(address)
    except Refused:
        raise InvalidUrl(NOT_OPEN) from None
    except TimeoutError:
        raise InvalidUrl(TOO_SLOW) from None


def _look_up(host: str) -> set[str]:
    """The addresses of a name, none if nobody knows it. Raises TimeoutError."""
    if not _look_ups.acquire(blocking=False):
        raise TimeoutError
    found: Future[set[str]] = Future()

    def ask() -> None:
        try:
            found.set_result({str(info[4][0]) for info in socket.getaddrinfo(host, None)})
        except (OSError, UnicodeError):
            found.set_result(set())
        finally:
            _look_ups.release()

    # A daemon: a resolver that hangs holds up neither the page nor the end of the process.
    Thread(target=ask, name="look-up", daemon=True).start()
    return found.result(LOOK_UP_WITHIN)


def _is_open(address: Address) -> bool:
    inner = _embedded(address)
    if getattr(address, "ipv4_mapped", None) is not None:
        return _is_open(inner[0])
    if any(address in network for network in settings.ALLOWED_UPSTREAM_NETWORKS):
        return True
    # What a tunnel leads to is somewhere else than here: listing it says nothing about it.
    return all(_is_public(each) for each in inner or (address,))


def _is_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in NEVER_PUBLIC)
    )


def _embedded(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses inside an IPv6 one: mapped, compatible, NAT64, 6to4 or Teredo."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in NAT64 or (address in COMPATIBLE and int(address) > 1):
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    return address.teredo or ()
