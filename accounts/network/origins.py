"""Origins: the web pages that may call, spelled as in the Origin header. Pure."""

from accounts.network import hosts

MAX_LENGTH = 200  # characters of one origin
MAX_LISTED = 50  # origins of one publishable key
EXAMPLE = "https://shop.example.com"


def origin(text: str) -> str:
    """Return an origin as browsers spell it: lower case, punycode, no usual port (RFC 6454).

    Raises ValueError with a sentence that says what to write instead.
    """
    if "*" in text:
        raise ValueError(
            f"write each name out, such as {EXAMPLE}. A star would let in pages you do not know."
        )
    if len(text) > MAX_LENGTH:
        raise ValueError(f"an origin has at most {MAX_LENGTH} characters.")
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise ValueError(f"write https:// and a host, such as {EXAMPLE}.")
    if "@" in rest:
        raise ValueError(f"leave the user name out: an origin is only {EXAMPLE}.")
    if any(mark in rest for mark in "/?#\\"):
        raise ValueError(f"leave out what follows the host: an origin has no path, as {EXAMPLE}.")
    if rest.endswith("."):
        raise ValueError("leave the last dot out.")
    try:
        return str(hosts.public_url(text))
    except hosts.Unreadable:
        raise ValueError(f"this is no host. Write it as {EXAMPLE}.") from None
