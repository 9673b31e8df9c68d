"""Predictions: one question and its answer, whoever asks."""

from chatflows.predictions.prediction import (
    BROKEN_OFF,
    Prediction,
    begin,
    complete,
    new_chat_id,
    run,
    thread_id,
)

__all__ = [
    "BROKEN_OFF",
    "Prediction",
    "begin",
    "complete",
    "new_chat_id",
    "run",
    "thread_id",
]
