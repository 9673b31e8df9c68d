"""Request ids: one for each request, made here and never taken from a client."""

import random

BITS = 64


def new() -> str:
    """`req_` and 16 random hex digits. It tells requests apart and is no secret."""
    return f"req_{random.getrandbits(BITS):016X}"
