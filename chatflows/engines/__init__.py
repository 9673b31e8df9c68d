"""Engines: what answers a question. Plain values in, events out, no ORM inside."""

from chatflows.engines.events import (
    LAST_WORDS,
    Done,
    Engine,
    Event,
    Events,
    Failed,
    File,
    Frame,
    Heartbeat,
    Message,
    PastTurn,
    Question,
    Sources,
    Token,
    Usage,
    Whole,
)

__all__ = [
    "LAST_WORDS",
    "Done",
    "Engine",
    "Event",
    "Events",
    "Failed",
    "File",
    "Frame",
    "Heartbeat",
    "Message",
    "PastTurn",
    "Question",
    "Sources",
    "Token",
    "Usage",
    "Whole",
]
