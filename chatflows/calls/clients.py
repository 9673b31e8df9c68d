"""Clients: the software and the web page that a call came from, as its headers say. Pure.

Callers put keys into any header. So only what has the form of a product's name is taken over.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from accounts.login import devices

READ = 256  # bytes of a User-Agent that are looked at
LONGEST_ORIGIN = 200
KEY_MARK = "flk_"  # begins every key text
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}(?:/[A-Za-z0-9.+_-]{1,20})?")


@lru_cache(maxsize=1024)
def client_of(user_agent: bytes) -> str:
    """Return the program's name, such as `curl/8.5.0` or `Firefox on Linux`, or nothing.

    `user_agent` is cut to READ bytes by whoever calls.
    """
    text = user_agent.decode("latin-1")
    product = text.partition(" ")[0]
    if product.startswith("Mozilla/"):  # every browser says so
        return devices.name_of(text)
    is_name = _PRODUCT.fullmatch(product) is not None
    return product if is_name and KEY_MARK not in text else ""


def origin_of(origins: Sequence[str]) -> str:
    """Return the origin of the page that called; nothing for none, several or an odd one."""
    if len(origins) != 1:
        return ""
    (origin,) = origins
    is_fine = origin.isascii() and origin.isprintable() and len(origin) <= LONGEST_ORIGIN
    return origin if is_fine and KEY_MARK not in origin else ""
