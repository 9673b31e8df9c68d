"""Logs: one shape of line, whoever writes it, and no text of an exception."""

import io
import json
import logging
import logging.config
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from config import logs

pytestmark = pytest.mark.fast

CANARY = "canary-4711"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The lines that the shipped formatter writes for any logger."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    factory = {**logs.configuration()["formatters"]["json"]}
    handler.setFormatter(factory.pop("()")(**factory))
    root = logging.getLogger()
    kept, root.level = root.level, logging.INFO
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(kept)


def test_every_line_begins_alike(lines: Lines) -> None:
    structlog.get_logger("flowlatch.some").warning("told", since=datetime(2026, 11, 27, tzinfo=UTC))
    logging.getLogger("flowlatch.server").info("started", extra={"processes": 2})
    logging.getLogger("library").info("said")
    ours, plain, theirs = lines()
    for line in (ours, plain, theirs):
        assert [*line][:4] == ["at", "level", "logger", "event"]
        assert line["at"].endswith("Z")
    assert (ours["event"], ours["since"]) == ("told", "2026-11-27T00:00:00Z")
    assert (plain["event"], plain["processes"]) == ("started", 2)
    assert (theirs["level"], theirs["logger"], theirs["event"]) == ("info", "library", "said")


def test_of_another_librarys_line_no_exception_and_no_text_is_logged(lines: Lines) -> None:
    error = ConnectionError(f"{CANARY} at 127.0.0.1:5432")
    logging.getLogger("psycopg.pool").warning("error connecting in %r: %s", CANARY, error)
    logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: {error!r}")
    logging.getLogger("library").warning("retry in %d s", 3)
    try:
        raise error
    except ConnectionError:
        logging.getLogger("library").exception("failed")
        structlog.get_logger("flowlatch.some").exception("failed")
    found = lines()
    assert CANARY not in str(found)
    assert [line["event"] for line in found] == [
        "error connecting in '...': ConnectionError",
        "Task exception was never retrieved",
        "retry in 3 s",
        "failed",
        "failed",
    ]
    assert [line.get("error") for line in found][:1] == ["ConnectionError"]
    assert all(line["exception"][0] == "ConnectionError" for line in found[3:])


def test_what_nobody_caught_is_a_line_without_its_text(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(logging, "captureWarnings", lambda capture: None)
    logs.catch_uncaught()

    def fail() -> None:
        raise ValueError(CANARY)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError:
        sys.excepthook(*sys.exc_info())
    found = lines()
    assert [line["event"] for line in found] == ["thread failed", "process failed"]
    assert {line["error"] for line in found} == {"ValueError"}
    assert CANARY not in str(found)


def test_values_that_json_lacks_are_named_by_their_type(lines: Lines) -> None:
    structlog.get_logger("flowlatch.some").info("told", of={1: ConnectionError(CANARY)})
    assert lines()[0]["of"] == {"1": "ConnectionError"}
