"""Databases in the shapes of Flowise's releases, made here: the columns that each of them has."""

import base64
import hashlib
import json
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

FLOWS = "id varchar, name varchar, flowData text, deployed boolean, isPublic boolean, apikeyid "
FLOWS += "varchar, chatbotConfig text, createdDate datetime, updatedDate datetime, apiConfig text"
KEYS = "id varchar, apiKey varchar, apiSecret varchar, keyName varchar, updatedDate datetime"
# What each release has beyond the columns of the release before it, by table.
RELEASES = {
    "1.8": {"chat_flow": f"{FLOWS}, category text, speechToText text, type text"},
    "2.2": {
        "chat_flow": f"{FLOWS}, category text, type text, followUpPrompts text",
        "apikey": KEYS,
    },
    "3.0": {
        "chat_flow": f"{FLOWS}, category text, type text, workspaceId varchar",
        "apikey": f"{KEYS}, workspaceId varchar",
    },
    "3.1": {
        "chat_flow": f"{FLOWS}, type varchar NOT NULL DEFAULT 'CHATFLOW', mcpServerConfig text",
        "apikey": f"{KEYS}, workspaceId varchar, permissions text NOT NULL DEFAULT '[]'",
    },
}
SHOP, DOCS, OPEN = (UUID(int=number, version=4) for number in (101, 102, 103))
SHOP_PAGE = "https://shop.example"


def text() -> str:
    """A key's text as Flowise makes it."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def api_secret(key: str) -> str:
    """What Flowise keeps beside a key's text."""
    salt = secrets.token_hex(8)
    made = hashlib.scrypt(key.encode(), salt=salt.encode(), n=16384, r=8, p=1, dklen=64)
    return f"{made.hex()}.{salt}"


def key_row(id_: str, name: str, key: str, secret: str | None = None) -> dict[str, str]:
    """A row of `apikey`, or an entry of `api.json`."""
    made = api_secret(key) if secret is None else secret
    return {"id": id_, "apiKey": key, "apiSecret": made, "keyName": name}


def flow_row(id_: UUID, name: str, key_id: str | None = None, **more: object) -> dict[str, object]:
    """A row of `chat_flow`."""
    return {"id": str(id_), "name": name, "flowData": "{}", "apikeyid": key_id, **more}


def limited(most: object, seconds: object, **more: object) -> str:
    """The `apiConfig` of a flow with a limit."""
    limit = {"limitMax": most, "limitDuration": seconds, "limitMsg": "Slow down", **more}
    return json.dumps({"rateLimit": limit})


def database(
    path: Path,
    flows: list[dict[str, object]],
    keys: list[dict[str, str]] | None = None,
    release: str = "3.1",
) -> Path:
    """A database of a release with these rows."""
    with closing(sqlite3.connect(path)) as made, made:
        for table, columns in RELEASES[release].items():
            made.execute(f'CREATE TABLE "{table}" ({columns})')
        for table, rows in (("chat_flow", flows), ("apikey", keys or [])):
            for row in rows:
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" * len(row))
                made.execute(
                    f'INSERT INTO "{table}" ({names}) VALUES ({marks})',
                    [*row.values()],
                )
    return path
