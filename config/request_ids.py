"""Request ids: one for each request, made here and never taken from a client."""

import random
import string

ALPHABET = string.ascii_uppercase + string.digits
LENGTH = 16  # characters, 82 bits


def new() -> str:
    """`req_` and 16 random characters. It tells requests apart and is no secret."""
    return "req_" + "".join(random.choices(ALPHABET, k=LENGTH))  # noqa: S311
