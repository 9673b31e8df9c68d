"""Entries of an audit trail, and the pages that show them."""

from typing import Any

from asgiref.sync import async_to_sync

from accounts import audit
from accounts.models import AuditEvent, Team
from accounts.permissions import Actor
from tests import factories

VERIFY = "/t/acme/audit/verify/"


def note(team: Team, name: str, by: Actor = factories.TESTER, **facts: Any) -> AuditEvent:
    target = audit.Target("api_key", "1", name)
    return audit.record(team.id, "api_key.create", by, target, **facts)


def file(response: Any) -> str:
    """A streamed file, read as the server reads it."""

    async def collect() -> bytes:
        return b"".join([part async for part in response])

    return async_to_sync(collect)().decode()  # its database work is done in this thread
