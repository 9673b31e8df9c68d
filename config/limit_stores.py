"""Limit stores: which LIMITS_URL can be read. It connects to no store. Pure."""

from urllib.parse import parse_qsl, urlsplit

_NETWORK = {"redis", "rediss", "valkey", "valkeys"}
_SOCKET = {"redis+unix", "valkey+unix"}
# What may follow the `?`. The client would refuse an unknown option only at the first call.
_OPTIONS = {
    "db",
    "ssl_ca_certs",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_keyfile",
}
FORMS = (
    "Write valkey://user:password@host:6379/0 (valkeys:// with TLS; redis:// and rediss:// mean "
    "the same) or valkey+unix:///path/to/socket, and characters like @ : / # ? % of a password as "
    "%40 %3A %2F %23 %3F %25."
)


def is_readable(url: str) -> bool:
    """Whether the client of Valkey and Redis can read a URL."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
        port = parts.port  # raises ValueError if it is no number
    except ValueError:
        return False
    if parts.fragment or not _OPTIONS.issuperset(options):
        return False
    path = parts.path.strip("/")
    if parts.scheme in _SOCKET:
        return bool(path) and not parts.hostname and _is_number(options.get("db", "0"))
    is_whole = bool(parts.hostname and port) and parts.scheme in _NETWORK
    return is_whole and _is_number(options.get("db", path or "0")) and _is_number(path or "0")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
