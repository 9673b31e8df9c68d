"""Engines: what answers a question. Plain values in, events out, no ORM inside."""

from chatflows.engines.events import (
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
