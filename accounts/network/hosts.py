"""Hosts: in the one spelling that we listen on, print and compare. Pure."""

import ipaddress
import re
from dataclasses import dataclass

import idna

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_URL = re.compile(r"(?i:(https?))://([^/?#\\@\s]+)/?")
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]+)(?::([0-9]{0,5}))?")
_BOUND_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST = 253  # characters of a name (RFC 1035)


class Unreadable(ValueError):
    """Raised for text that is no host or address. The message says what is wanted."""


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """The address that people and programs use: scheme, host (IPv6 in brackets), port."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as browsers write them: the scheme's own port is left out."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def mail_domain(self) -> str:
        """What stands behind the @ of an e-mail address here (for IPv6 as in RFC 5321)."""
        return f"[IPv6:{self.host[1:]}" if self.host.startswith("[") else self.host

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def public_url(text: str) -> PublicUrl:
    """Read PUBLIC_URL. Raises Unreadable."""
    found = _URL.fullmatch(text)
    authority = _AUTHORITY.fullmatch(found[2]) if found else None
    if not found or not authority:
        raise Unreadable(
            "must be http:// or https:// and a host, with a port if it is not the usual one, and "
            "nothing behind it"
        )
    scheme = found[1].lower()
    port = int(authority[2] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        raise Unreadable("must have a port from 1 to 65535, or none")
    return PublicUrl(scheme, _public_host(authority[1]), port)


def listening_host(text: str) -> str:
    """Read HOST: an address, with or without brackets, or a name. Raises Unreadable."""
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if re.fullmatch(r"[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(%.*)?", inner):
        return str(_ipv6(inner))
    if inner == text and (_is_ipv4(text) or _is_bound_name(text)):
        return text
    if inner == text and not text.isascii():
        return domain(text)
    raise Unreadable("must be an address or a name of this machine, without scheme and port")


def local_url(host: str, port: int) -> str:
    """Return the URL at which this machine reaches what listens there."""
    # Nobody can open 0.0.0.0 or ::; from this machine the loopback leads there.
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def domain(text: str) -> str:
    """Return a name in lower case and plain ASCII (UTS 46, xn--). Raises Unreadable."""
    wanted = "must have a host's name in letters, digits and hyphens, or an international name"
    if len(text) > LONGEST + 1:
        raise Unreadable(wanted)
    try:
        plain = text if text.isascii() else idna.encode(text, uts46=True).decode()
    except UnicodeError:  # idna's own errors are of this kind
        raise Unreadable(wanted) from None
    name = plain.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > LONGEST or not all(_LABEL.fullmatch(label) for label in labels):
        raise Unreadable(wanted)
    if labels[-1].isdigit():  # browsers read it as an address
        raise Unreadable("must have a host that is a whole IPv4 address, or a name")
    return name


def _public_host(text: str) -> str:
    if text.startswith("["):
        address = _ipv6(text[1:-1])
        if address.ipv4_mapped:
            raise Unreadable("must have the IPv4 address itself as its host, not one inside IPv6")
        return f"[{address.compressed}]"
    return text if _is_ipv4(text) else domain(text)


def _ipv6(text: str) -> ipaddress.IPv6Address:
    if "%" in text:
        raise Unreadable("must have no zone (what follows a % in an IPv6 address)")
    try:
        return ipaddress.IPv6Address(text)
    except ValueError:
        raise Unreadable(
            "must have a whole IPv6 address: 2001:db8::1 (in a URL in brackets)"
        ) from None


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_bound_name(text: str) -> bool:
    return bool(_BOUND_NAME.fullmatch(text)) and not text.rpartition(".")[2].isdigit()
