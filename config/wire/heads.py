"""Heads: what a request may say of its version, host, target and framing (RFC 9112, 3.2 and 6.1).

The parser lets more pass, and drops a part of some targets before the application sees the path.
"""

from collections.abc import Callable

Header = tuple[bytes, bytes]


def is_allowed(
    version: str, url: bytes, headers: list[Header], is_own_host: Callable[[str], bool]
) -> bool:
    """Return whether a parsed head may be answered; names of `headers` are in lower case."""
    fields = dict(headers)
    hosts = int(b"host" in fields)
    if hosts and len(fields) < len(headers):
        hosts = [name for name, _ in headers].count(b"host")
    if version not in ("1.0", "1.1") or hosts > 1 or (version == "1.1" and not hosts):
        return False
    if b"transfer-encoding" in fields and (version == "1.0" or not _is_plainly_chunked(headers)):
        return False
    if not url.startswith(b"/") and not _is_own(url, fields.get(b"host", b""), is_own_host):
        return False
    return b"#" not in url


def _is_plainly_chunked(headers: list[Header]) -> bool:
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    return len(codings) == 1 and codings[0].lower() == b"chunked"


def _is_own(url: bytes, host: bytes, is_own_host: Callable[[str], bool]) -> bool:
    """Return whether a target is an address of this server, and says what `Host` says."""
    scheme, _, rest = url.partition(b"://")
    authority = rest.replace(b"?", b"/").partition(b"/")[0].lower()
    is_whole = scheme.lower() in (b"http", b"https") and authority == host.lower() != b""
    return is_whole and is_own_host(authority.decode("latin-1"))
