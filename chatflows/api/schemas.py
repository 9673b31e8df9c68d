"""What operations take and give of chatflows. Flowise's names stand beside ours."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, field_validator

from accounts.api.fields import (
    MAX_IDS,
    Amount,
    Count,
    Flag,
    LimitsBody,
    LimitsShown,
    Text,
    limits_shown,
    money,
    said,
)
from accounts.api.operations import ApiSchema
from chatflows.models import AccessMode, Chatflow, ChatflowType
from chatflows.services import engines

Places = Annotated[list[Text], Field(max_length=100)]
Settings = Annotated[
    dict[str, Any], Field(description="Of the engine: such as base_url and flow_id, or model.")
]
Secret = Annotated[
    str,
    Field(
        max_length=2000,
        description="The key of the engine's server. It is in no answer; an empty text deletes it, "
        "and so does another host in base_url.",
    ),
]


class ChatflowBody(ApiSchema):
    """What is said of a chatflow. What is left out stays."""

    name: Text | None = None
    engine: Annotated[str, Field(max_length=10)] | None = Field(
        default=None, description="faq, flowise or openai."
    )
    settings: Settings | None = None
    secret: Secret | None = None

    _said = field_validator("name", "engine", "settings", "secret", mode="before")(said)


class NewChatflow(ChatflowBody):
    """A chatflow to make. It is closed to everyone without DefaultKey."""

    type: ChatflowType = ChatflowType.CHATFLOW


class ChatflowChange(ChatflowBody):
    """What to change of a chatflow."""

    apikeyid: str | None = Field(
        default=None,
        max_length=100,
        description="Flowise's way to select a key: exactly this one opens the chatflow then, in "
        "mode keys. Empty or null is refused: nothing becomes public by an absent value.",
    )


class ChatflowShown(ApiSchema):
    """A chatflow of the team."""

    id: UUID
    name: str
    type: ChatflowType
    mode: AccessMode
    isPublic: bool  # noqa: N815
    url: str
    engine: str
    settings: dict[str, Any]
    has_secret: bool
    usable_keys: int = Field(description="The keys that open it now; 1001 stands for more.")
    created_at: datetime
    version: int


class ChatflowPage(ApiSchema):
    """Some chatflows, by name."""

    data: list[ChatflowShown]
    next_cursor: str | None


class AccessChange(ApiSchema):
    """Who may call a chatflow. What is left out stays; null lifts a limit."""

    mode: AccessMode | None = None
    keys: Annotated[list[Text], Field(max_length=MAX_IDS)] | None = Field(
        default=None, description="The keys that open it, by id or public id, and no others."
    )
    allow_key_in_url: Flag | None = None
    networks: Places | None = None
    origins: Places | None = None
    limits: LimitsBody | None = None
    requests_per_minute_per_address: Count | None = None
    price: Amount | None = Field(default=None, description="Of a million tokens.")

    _said = field_validator(
        *("mode", "keys", "allow_key_in_url", "networks", "origins", "limits"), mode="before"
    )(said)


class Access(ApiSchema):
    """Who may call a chatflow, how much and from where."""

    mode: AccessMode
    keys: list[UUID]
    allow_key_in_url: bool
    networks: list[str]
    origins: list[str]
    limits: LimitsShown
    requests_per_minute_per_address: int | None
    price: str | None
    version: int


class Opened(ApiSchema):
    """A chatflow that the presented key opens."""

    id: UUID
    name: str
    type: ChatflowType
    mode: AccessMode


class Deleted(ApiSchema):
    """What Flowise answers to a deletion."""

    raw: list[str] = []
    affected: int = 1


def shown(chatflow: Chatflow, url: str, *, has_secret: bool | None = None) -> ChatflowShown:
    """Return a chatflow as operations give it. Needs `with_usable_keys`."""
    return ChatflowShown(
        id=chatflow.id,
        name=chatflow.name,
        type=ChatflowType(chatflow.type),
        mode=AccessMode(chatflow.access_mode),
        isPublic=chatflow.access_mode == AccessMode.PUBLIC,
        url=url,
        engine=chatflow.engine,
        settings=chatflow.engine_config,
        has_secret=engines.has_secret(chatflow) if has_secret is None else has_secret,
        usable_keys=chatflow.usable_keys,  # type: ignore[attr-defined]
        created_at=chatflow.created_at,
        version=chatflow.version,
    )


def access_shown(chatflow: Chatflow) -> Access:
    """Return the access of a chatflow as operations give it."""
    kept = chatflow.selections.filter(key__deleted_at=None)
    return Access(
        mode=AccessMode(chatflow.access_mode),
        keys=list(kept.order_by("key__name_key").values_list("key_id", flat=True)),
        allow_key_in_url=chatflow.allow_key_in_url,
        networks=chatflow.networks,
        origins=chatflow.origins,
        limits=limits_shown(chatflow.limits),
        requests_per_minute_per_address=chatflow.limit_address,
        price=money(chatflow.price),
        version=chatflow.version,
    )
