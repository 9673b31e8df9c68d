"""What operations take and give of keys. Field names are Flowise's where it has them."""

from datetime import datetime
from uuid import UUID

from accounts.api.operations import ApiSchema
from accounts.permissions import Permission
from apikeys.models import ApiKey


class Key(ApiSchema):
    """A key. Its text is in no answer but the one that made it."""

    id: UUID
    name: str
    kind: str
    status: str
    scopes: list[Permission]
    created_at: datetime
    expires_at: datetime | None
    version: int


def shown(key: ApiKey) -> Key:
    """Return a key as operations give it."""
    return Key(
        id=key.id,
        name=key.name,
        kind=key.kind,
        status=key.status,
        scopes=[Permission(scope) for scope in key.scopes],
        created_at=key.created_at,
        expires_at=key.expires_at,
        version=key.version,
    )
