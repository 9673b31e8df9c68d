"""The config of a `flowise` engine: the address of a server and the id of a flow."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from chatflows.engines.configs import Check, server_url

_FLOW_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _server(value: object) -> str:
    url = server_url(value)
    if "/api/v1" in url:
        raise ValueError("Leave out everything from /api/v1 on.")
    return url


def _flow_id(value: object) -> str:
    text = str(value or "").strip()
    if not _FLOW_ID.fullmatch(text):
        raise ValueError("The flow's id has the form 0198c2f4-1c2b-4d5e-8f90-abcdef123456.")
    return text.lower()


@dataclass(frozen=True, slots=True)
class FlowiseConfig:
    """A flow of a Flowise server."""

    base_url: str
    flow_id: str

    checks: ClassVar[Mapping[str, Check]] = {"base_url": _server, "flow_id": _flow_id}
