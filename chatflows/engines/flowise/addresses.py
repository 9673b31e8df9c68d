"""What people copy from Flowise: the address of the server and the id of the flow in it. Pure."""

import re
from typing import NamedTuple

MAX_LENGTH = 4000  # characters: an embed code with its colours
_ID = r"(?P<flow_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![\w-])"
# The canvas of each kind of flow, the page that shares it, and the API, which may name two words
# (/api/v1/vector/upsert/...).
_PLACE = r"/(?:(?:v2/)?(?:agent)?canvas|chatbot|api/v1/[a-z-]+(?:/[a-z-]+)?)/"
_ADDRESS = re.compile(rf"(?P<base_url>https?://[^\s\"'`<>]*?){_PLACE}{_ID}", re.IGNORECASE)
_PATH = re.compile(_PLACE + _ID, re.IGNORECASE)
_EQUALS = r"[\"']?\s*[:=]\s*\{?\s*[\"'`]"
_EMBEDDED_ID = re.compile(r"\bchatflowid" + _EQUALS + _ID, re.IGNORECASE)
_EMBEDDED_HOST = re.compile(r"\bapihost" + _EQUALS + r"(https?://[^\s\"'`<>]+)", re.IGNORECASE)


class Pasted(NamedTuple):
    """An address that was taken apart. `base_url` is empty where no server was named."""

    base_url: str
    flow_id: str


def taken_apart(text: str) -> Pasted | None:
    """Return what a pasted address, call or embed code names; None if it is none of these."""
    if len(text) > MAX_LENGTH:
        return None
    found = _ADDRESS.search(text)
    if found is not None:
        return Pasted(found["base_url"].rstrip("/"), found["flow_id"].lower())
    found = _EMBEDDED_ID.search(text) or _PATH.search(text)
    if found is None:
        return None
    host = _EMBEDDED_HOST.search(text)
    return Pasted(host[1].rstrip("/") if host else "", found["flow_id"].lower())
