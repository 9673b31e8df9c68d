"""Versions: what a change was based on, so that nobody overwrites what they have not seen.

A form carries the version of what it was drawn from. A service compares it, under its lock, with
the version of what stands, and raises Stale where they differ.
"""

import json
from collections.abc import Mapping
from hashlib import sha256


class Stale(Exception):
    """Somebody changed the thing since the form was drawn, so nothing is saved."""


def of(facts: Mapping[str, object]) -> str:
    """Return the version of a thing that has no number of its own: a digest of its facts."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def check(version: str | None, facts: Mapping[str, object]) -> None:
    """Raise Stale if a version is not that of the facts. None is of callers without a form."""
    if version is not None and version != of(facts):
        raise Stale
