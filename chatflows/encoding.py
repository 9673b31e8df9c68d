"""Compact JSON, as engines send it to upstreams and clients get it. Pure."""

import json

import orjson


def encode(value: object) -> bytes:
    """Encode a value as compact JSON in UTF-8.

    orjson refuses half surrogate pairs, which some upstreams send, integers over 64 bits and keys
    that are no strings. The standard library takes them, with every character beyond ASCII escaped.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode()
