"""The answers of streams, read as events."""

import json
from typing import Any

from tests.server.shipped import Answer


def events(answer: Answer) -> list[tuple[str, Any]]:
    """The events of a stream."""
    lines = answer.body.decode().split("\n")
    values = [json.loads(line[5:]) for line in lines if line.startswith("data:")]
    return [(value["event"], value["data"]) for value in values]
