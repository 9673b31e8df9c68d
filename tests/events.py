"""The events that the code logs, read from its source."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from chatflows.calls import store
from chatflows.models import Chatflow
from config.logs import FIRST
from tests import factories

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("accounts", "apikeys", "chatflows", "config")
LEVELS = {"exception": "error"}
MAKERS = ("structlog.get_logger", "logging.getLogger")
CALLS = "flowlatch.calls"  # its lines are made by hand (chatflows/calls/store.py)


class Event(NamedTuple):
    """One event, and the fields of its lines beside the four that each line has."""

    name: str
    level: str
    logger: str
    fields: tuple[str, ...]


def found() -> set[Event]:
    """Return every event."""
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    logged = {event for path in paths for event in _events(ast.parse(path.read_text("utf-8")))}
    line = orjson.loads(store.line_of(factories.call(Chatflow())))
    fields = tuple(name for name in line if name not in FIRST)
    return {*logged, Event(line["event"], line["level"], line["logger"], fields)}


def _events(tree: ast.Module) -> Iterator[Event]:
    loggers = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) in MAKERS
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        logger, level = loggers.get(ast.unparse(node.func.value)), node.func.attr
        if logger in (None, CALLS) or not node.args:
            continue
        fields = [keyword.arg or "**" for keyword in node.keywords]
        if "extra" in fields:
            extra = next(each.value for each in node.keywords if each.arg == "extra")
            assert isinstance(extra, ast.Dict)
            fields.remove("extra")
            fields += [ast.literal_eval(key) for key in extra.keys if key is not None]
        if level == "exception" or "exc_info" in fields:
            fields = [each for each in fields if each != "exc_info"] + ["exception"]
        for name in _texts(node.args[0]):
            yield Event(name, LEVELS.get(level, level), str(logger), tuple(fields))


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    else:
        yield str(ast.literal_eval(node))
