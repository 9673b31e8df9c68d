"""What operations take and give of keys. Flowise's names stand beside ours where it has them."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Literal
from uuid import UUID

from django.db.models import prefetch_related_objects
from pydantic import Field, field_validator

from accounts.api.fields import (
    MAX_IDS,
    Flag,
    LimitsBody,
    LimitsShown,
    Moment,
    ScopeText,
    Text,
    limits_shown,
    said,
)
from accounts.api.lists import FlowisePaging
from accounts.api.operations import ApiSchema
from accounts.models import Environment
from accounts.permissions import Permission
from apikeys import resources
from apikeys.models import ApiKey, KeySecret, Kind
from apikeys.resources import Resource
from apikeys.services import publishable
from apikeys.services.life import hand_overs
from apikeys.services.life.hand_overs import LinkTerms

Ids = Annotated[list[UUID], Field(max_length=MAX_IDS)]
Places = Annotated[list[Text], Field(max_length=100)]
Scopes = Annotated[list[ScopeText], Field(max_length=200)]
EnvironmentName = Literal["development", "staging", "production"]


class Terms(ApiSchema):
    """What is said of a key. What is left out is not asked for, or stays."""

    name: Text | None = None
    keyName: Text | None = Field(default=None, description="Flowise's word for `name`.")  # noqa: N815
    scopes: Scopes | None = None
    permissions: Annotated[list[Text], Field(max_length=200)] | None = Field(
        default=None,
        description="Flowise's word for `scopes`: those that are ours count, and "
        "`ignored_permissions` of the answer names the others.",
    )
    expires_at: Moment | None = None
    chatflows: Ids | None = Field(default=None, description="The chatflows that it opens.")
    service_account: UUID | None = None
    environment: EnvironmentName | None = None
    note: Text | None = None
    contact: Text | None = Field(
        default=None, description="A member's username, or an address that confirms by a link."
    )
    limits: LimitsBody | None = None
    networks: Places | None = Field(
        default=None, description="Such as 203.0.113.0/24. Empty: anywhere."
    )
    origins: Places | None = None

    _said = field_validator(
        *("name", "keyName", "scopes", "permissions", "chatflows", "environment", "limits"),
        *("networks", "origins"),
        mode="before",
    )(said)


class Link(ApiSchema):
    """A link for the person who will hold a key: how long it works, and what they have to know."""

    lifetime: Literal["1h", "24h", "7d"] = "24h"
    holder: Annotated[Text, Field(max_length=64)] = Field(
        default="", description="For whom it is meant. Only the team sees it."
    )
    passphrase: Annotated[str, Field(max_length=200)] = Field(
        default="", description="6 to 200 characters, or none. Five wrong ones end the link."
    )

    def terms(self) -> LinkTerms:
        """Return what the service takes of it."""
        return {
            "lifetime": hand_overs.LIFETIMES[self.lifetime],
            "holder": self.holder,
            "passphrase": self.passphrase,
        }


class NewKey(Terms):
    """A key to make."""

    kind: Kind = Kind.SECRET
    hand_over: Link | None = Field(
        default=None,
        description="Makes a link instead of a text: whoever opens it makes the text, and nobody "
        "else sees it. The answer has `hand_over_url` and no `api_key`.",
    )


class KeyChange(Terms):
    """What to change of a key. What is left out stays."""

    rotate_every: Annotated[int, Field(strict=True, ge=1, le=3650)] | None = Field(
        default=None, description="Days between two reminders to rotate; null: none of its own."
    )
    disabled: Flag | None = Field(
        default=None, description="Can be undone. For good: revoke or delete."
    )


class KeyFilters(FlowisePaging):
    """Which keys a list holds, and which page of it. What is left out filters nothing."""

    name: str | None = Field(default=None, max_length=64, description="The whole name.")
    status: Literal["active", "disabled", "expired"] | None = None
    kind: Kind | None = None
    environment: EnvironmentName | None = None
    service_account: UUID | None = None

    def chosen(self) -> dict[str, str]:
        """Return the filters that were sent, as they stand in an address."""
        paging = set(FlowisePaging.model_fields)
        return self.model_dump(mode="json", exclude=paging, exclude_none=True)


class Secret(ApiSchema):
    """A text that works. There are two during a rotation."""

    public_id: str
    created_at: datetime
    ends_at: datetime | None
    ends_when_silent: bool


class FlowiseChatflow(ApiSchema):
    """A chatflow as Flowise's list of keys names it."""

    id: UUID
    flowName: str  # noqa: N815


class Key(ApiSchema):
    """A key of the team."""

    id: UUID
    name: str
    keyName: str  # noqa: N815
    kind: Kind
    status: str = Field(
        description="active, expiring, expired, disabled, account_disabled, or unissued: no text "
        "works."
    )
    disabled: bool
    scopes: list[Permission]
    permissions: list[Permission]
    environment: Environment
    service_account: UUID | None
    chatflows: list[UUID]
    chatFlows: list[FlowiseChatflow]  # noqa: N815
    contact: str | None
    note: str
    limits: LimitsShown
    networks: list[str]
    origins: list[str]
    secrets: list[Secret]
    created_at: datetime
    created_by: str | None
    last_used_at: datetime | None
    expires_at: datetime | None
    rotate_every: int | None
    version: int
    api_key: str | None = Field(
        default=None,
        description="The text. That of a publishable key is public by nature and stands here at "
        "any time. That of a secret key is in the one answer that made it, and null elsewhere.",
    )
    apiKey: str | None = Field(default=None, description="Flowise's word for `api_key`.")  # noqa: N815
    hand_over_url: str | None = Field(
        default=None, description="The link, in the one answer that made it; null elsewhere."
    )
    ignored_permissions: list[str] | None = Field(
        default=None, description="Permissions of Flowise that mean nothing here; null elsewhere."
    )


class KeyPage(ApiSchema):
    """Some keys, those used last first."""

    data: list[Key]
    next_cursor: str | None


class Deleted(ApiSchema):
    """What Flowise answers to a deletion."""

    raw: list[str] = []
    affected: int = 1


def shown(key: ApiKey, *, text: str | None = None, ignored: Sequence[str] | None = None) -> Key:
    """Return a key as operations give it; `text` only in the answer that made it."""
    (found,) = shown_all([key])
    if text is None and key.is_publishable:
        text = next(iter(publishable.texts(key)), None)
    found.api_key = found.apiKey = text
    found.ignored_permissions = list(ignored) if ignored is not None else None
    return found


def tag(key: Key) -> str:
    """Return the entity tag of a key: what grows with its version, and what changes beside it."""
    texts = [f"{secret.public_id} {secret.ends_at}" for secret in key.secrets]
    beside = " ".join([*sorted(map(str, key.chatflows)), *texts])
    return f"{key.version}.{int(key.disabled)}.{sha256(beside.encode()).hexdigest()[:16]}"


def shown_all(keys: Sequence[ApiKey]) -> list[Key]:
    """Return keys as lists give them, by a constant number of statements."""
    prefetch_related_objects(keys, "secrets", "contact", "created_by", "service_account")
    opened = resources.registry().of_keys(keys)
    return [_shown(key, opened.get(key.id, [])) for key in keys]


def _shown(key: ApiKey, opened: Sequence[Resource]) -> Key:
    scopes = [Permission(scope) for scope in key.scopes]
    return Key(
        id=key.id,
        name=key.name,
        keyName=key.name,
        kind=Kind(key.kind),
        status=key.status,
        disabled=key.disabled_at is not None,
        scopes=scopes,
        permissions=scopes,
        environment=key.lives_in,
        service_account=key.service_account_id,
        chatflows=[each.id for each in opened],
        chatFlows=[FlowiseChatflow(id=each.id, flowName=each.name) for each in opened],
        contact=key.contact.username if key.contact else key.contact_email or None,
        note=key.note,
        limits=limits_shown(key.limits),
        networks=key.networks,
        origins=key.origins,
        secrets=[_secret(secret) for secret in key.live_secrets],
        created_at=key.created_at,
        created_by=key.created_by.username if key.created_by else None,
        last_used_at=key.last_used_at,
        expires_at=key.expires_at,
        rotate_every=key.rotate_every,
        version=key.version,
    )


def _secret(secret: KeySecret) -> Secret:
    return Secret(
        public_id=secret.public_id,
        created_at=secret.created_at,
        ends_at=secret.ends_at,
        ends_when_silent=secret.ends_when_silent,
    )
