"""Files: read what was exported from a Flowise, and the file in which old releases keep keys."""

import json
from pathlib import Path
from typing import Any

from chatflows.models import ChatflowType
from chatflows.services.flowise_imports import databases, sources
from chatflows.services.flowise_imports.sources import FoundFlow, Source, Unreadable

KEYS_FILE, DATABASE_FILE = "api.json", "database.sqlite"
MAX_BYTES = 512 * 1024 * 1024  # of an export; it holds every flow's canvas
# What an export calls each kind of flow.
_PARTS = {
    "ChatFlow": ChatflowType.CHATFLOW,
    "AgentFlow": ChatflowType.MULTIAGENT,
    "AgentFlowV2": ChatflowType.AGENTFLOW,
    "AssistantFlow": ChatflowType.ASSISTANT,
}
_SQLITE = b"SQLite format 3\0"
NOTHING = (
    "There is nothing of Flowise here. Name its database.sqlite, an export (ExportData.json), its "
    "api.json, or the folder with them."
)


def read(path: Path) -> Source:
    """Read a file or a folder. Raises Unreadable."""
    try:
        return _folder(path) if path.is_dir() else _file(path)
    except OSError as error:
        raise Unreadable(f"{path} can't be read: {error.strerror}.") from None


def _folder(path: Path) -> Source:
    """Read the database of a folder, or the exports in it, and the keys that lie beside it."""
    database, keys = path / DATABASE_FILE, path / KEYS_FILE
    others = sorted(each for each in path.glob("*.json") if each.name != KEYS_FILE)
    parts = [_file(each) for each in ([database] if database.exists() else others)]
    if keys.exists():
        parts.append(_file(keys))
    if not parts:
        raise Unreadable(NOTHING)
    return _joined(parts)


def _joined(parts: list[Source]) -> Source:
    flows = {flow.id: flow for part in parts for flow in part.flows}
    return Source(
        keys=tuple({key.text: key for part in parts for key in part.keys}.values()),
        flows=tuple(flows.values()),
        has_keys=any(part.has_keys for part in parts),
        left_out=tuple(name for part in parts for name in part.left_out),
    )


def _file(path: Path) -> Source:
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) == _SQLITE:
            return databases.read(path)
        if path.suffix in (".sqlite", ".db"):
            raise Unreadable(databases.ENCRYPTED)
    return exported(path.read_bytes() if path.stat().st_size <= MAX_BYTES else None)


def exported(content: bytes | None) -> Source:
    """Read an export or an `api.json`; None stands for one that is too large."""
    if content is None:
        raise Unreadable(f"This file has more than {MAX_BYTES // 2**20} MiB.")
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unreadable("This file is no JSON, or it was cut off.") from None
    if isinstance(value, list) and value and all(_is_key(each) for each in value):
        return Source(sources.keys_of(value), ())
    parts = value if isinstance(value, dict) else {"ChatFlow": value}
    found: list[FoundFlow] = []
    left_out: list[str] = []
    for name, kind in _PARTS.items():
        rows = parts.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Unreadable(f"The part {name} of this export is no list of flows.")
        flows, unread = sources.flows_of(rows, kind)
        found += flows
        left_out += unread
    if not found and not left_out:
        if isinstance(value, dict) and "nodes" in value:
            raise Unreadable("This is the canvas of one flow, without its id. Export all data.")
        raise Unreadable(NOTHING)
    return Source((), tuple(found), has_keys=False, left_out=tuple(left_out))


def _is_key(value: Any) -> bool:
    return isinstance(value, dict) and "apiKey" in value
