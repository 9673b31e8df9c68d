"""How values become bytes on the wire: compact JSON, and Flowise's frames. Pure."""

import json

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def frame(event: str, data: object) -> bytes:
    """One server-sent event in Flowise's form (flowise-wire 2.1)."""
    return b"message:\ndata:" + encode({"event": event, "data": data}) + b"\n\n"


def encode(value: object) -> bytes:
    """Compact JSON in UTF-8; half an emoji, as some upstreams send it, stays an escape."""
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
