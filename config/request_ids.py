"""Request ids: one for each request, made here and never taken from a client."""

import base64
import os

ENTROPY_BYTES = 10


def new() -> str:
    """`req_` and 16 characters of base32 (80 random bits)."""
    return "req_" + base64.b32encode(os.urandom(ENTROPY_BYTES)).decode()
