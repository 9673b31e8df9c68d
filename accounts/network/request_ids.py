"""Request ids: one for each request. They are made here and never taken from a client."""

import random

BITS = 64


def new() -> str:
    """Return `req_` and 16 random hex digits. The id tells requests apart and is no secret."""
    return f"req_{random.getrandbits(BITS):016X}"
