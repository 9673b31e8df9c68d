"""Values of settings. What can't be read stops the start with its name, never with its text."""

import os
import re

from django.core.exceptions import ImproperlyConfigured

from accounts import money
from accounts.network import addresses
from config.environment import secrets

DEEPEST = 10  # variables that stand for another
MOST = 10**12
_VARIABLE = re.compile(r"\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})", re.ASCII)
# In an address with a password a bare $ can be part of it; braces have no place in an address.
_WHOLE_OR_BRACED = re.compile(
    r"^\$(?P<bare>[A-Za-z_]\w*)$|\$\{(?P<braced>[A-Za-z_]\w*)\}", re.ASCII
)
_SENDABLE = re.compile(r"[0-9A-Za-z\-._~+/=]+")  # RFC 6750, 2.1
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def exact(name: str) -> str:
    """Return a value as it is, for names and passwords; empty if it is not set.

    A secret may be in a file of its own. Raises ImproperlyConfigured.
    """
    text = secrets.from_file(name)
    if text is None:
        text = os.environ.get(name, "")
    try:
        text.encode()
    except UnicodeEncodeError:  # its message would quote the value
        raise ImproperlyConfigured(f"{name} is not UTF-8.") from None
    return text


def text(name: str, default: str = "") -> str:
    """Return a value without blanks around it, with `$NAME` and `${NAME}` as those variables say.

    An empty value is not set. Raises ImproperlyConfigured for a variable that is not set.
    """
    return _expanded(name) or default


def secret_url(name: str, default: str = "") -> str:
    """Return an address that can hold a password: there a `$` is mostly only a `$`.

    `${NAME}`, and a `$NAME` that is the whole value, are put in once: what they say is taken as it
    is. So is an address in a file of its own. Raises ImproperlyConfigured, and quotes no name: it
    can be a part of the password.
    """
    if (given := secrets.from_file(name)) is not None:
        return given.strip()

    def put_in(found: re.Match[str]) -> str:
        meaning = exact(found["bare"] or found["braced"]).strip()
        if not meaning:
            raise ImproperlyConfigured(
                f"{name} names a variable that is not set. Write a $ of a password as %24."
            )
        return meaning

    return _WHOLE_OR_BRACED.sub(put_in, exact(name).strip()) or default


def token(name: str, least: int) -> str:
    """Return a secret that is sent in a header; empty if it is not set.

    Raises ImproperlyConfigured for one that is short, or that no header can carry.
    """
    given = exact(name).strip()
    if given and (len(given) < least or not _SENDABLE.fullmatch(given)):
        raise ImproperlyConfigured(
            f"{name} must have at least {least} characters: letters, digits and - . _ ~ + / =. "
            "Make one: openssl rand -hex 32"
        )
    return given


def number(name: str, default: int, least: int = 1, most: int = MOST) -> int:
    """Return a whole number. Raises ImproperlyConfigured for what is none from least to most."""
    given = text(name, str(default))
    if re.fullmatch(r"[0-9]{1,15}", given) and least <= int(given) <= most:
        return int(given)
    raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}.")


def choice(name: str, *choices: str) -> str:
    """Return one of the choices, the first if none is set. Raises ImproperlyConfigured."""
    given = text(name, choices[0]).lower()
    if given not in choices:
        raise ImproperlyConfigured(f"{name} must be {' or '.join(choices)}.")
    return given


def currency(name: str, default: str) -> str:
    """Return the ISO 4217 code of a currency. Raises ImproperlyConfigured."""
    given = text(name, default).upper()
    if given not in money.CODES:
        raise ImproperlyConfigured(
            f"{name} must be the code of a currency in ISO 4217, such as EUR, USD or GBP."
        )
    return given


def is_on(name: str) -> bool:
    """Whether a value says yes. Raises ImproperlyConfigured for what says neither yes nor no."""
    given = text(name, "false").lower()
    if given not in _YES + _NO:
        raise ImproperlyConfigured(f"{name} must be true or false.")
    return given in _YES


def networks(name: str, default: str = "") -> tuple[addresses.Network, ...]:
    """Return a list of networks. Raises ImproperlyConfigured.

    Set and empty is the empty list, since it closes what the default opens.
    """
    given = text(name) if name in os.environ else default
    parts = [part.strip() for part in given.split(",")]
    found = []
    for place, part in enumerate(parts, start=1):
        try:
            found += [addresses.network(part)] if part else []
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} must be addresses or networks with commas between, such as "
                f"127.0.0.1,10.0.0.0/8,fd00::/8. Number {place} is none: no zone and no port may "
                "follow, and the part behind the prefix must be zero."
            ) from None
    return tuple(found)


def _expanded(name: str) -> str:
    value = exact(name).strip()
    for _ in range(DEEPEST):
        found = _VARIABLE.search(value)
        if found is None:
            return value
        other = found["bare"] or found["braced"]
        meaning = exact(other).strip()
        if not meaning:
            told = f"the variable {other}" if other in exact(name) else "a variable"
            raise ImproperlyConfigured(f"{name} names {told}, which is not set.")
        value = value[: found.start()] + meaning + value[found.end() :]
    raise ImproperlyConfigured(f"{name} names variables that name each other in a circle.")
