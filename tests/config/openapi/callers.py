"""Callers of the management API in tests: a key's text and Django's client."""

import json
from typing import Any

from django.test import Client

from accounts.models import Team
from apikeys.models import ApiKey
from apikeys.services import keys
from tests.factories import TESTER


class Caller:
    """Calls operations with one key."""

    def __init__(self, text: str, key: ApiKey | None = None) -> None:
        self.text = text
        self.key = key
        self.client = Client()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call `/api/v1<path>`. A body that is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.generic(
            method,
            f"/api/v1{path}",
            b"" if body is None else content,
            content_type=headers.pop("content_type", "application/json"),
            headers={"Authorization": f"Bearer {self.text}", **headers},
        )


def caller(team: Team, *scopes: str, name: str = "automation") -> Caller:
    """A caller with a new key that holds these scopes."""
    key, text = keys.add(team, name, TESTER, scopes=scopes)
    return Caller(text, key)
