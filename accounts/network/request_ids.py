"""Request ids: one for each request. They are made here and never taken from a client."""

import random
from contextvars import ContextVar

BITS = 64
# The id of the request that is being answered here; empty in commands and in the worker. The audit
# trail reads it, so that no change has to hand it on, and none can leave it out.
current: ContextVar[str] = ContextVar("request_id", default="")


def new() -> str:
    """Return `req_` and 16 random hex digits. The id tells requests apart and is no secret."""
    return f"req_{random.getrandbits(BITS):016X}"
