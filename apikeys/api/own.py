"""What a key learns of itself, and of the rules for all keys of its team."""

from datetime import datetime
from uuid import UUID

from ninja import Router
from pydantic import Field

from accounts.api.faults import Missing
from accounts.api.fields import LimitsShown, limits_shown
from accounts.api.operations import ApiRequest, ApiSchema, operation
from accounts.bounds import Limits
from accounts.models import Environment
from accounts.permissions import Permission
from apikeys.api import schemas
from apikeys.api.examples import CHATFLOW_ID, ID, KEY
from apikeys.api.schemas import Secret
from apikeys.holders import overview
from apikeys.models import ApiKey
from apikeys.resources import Taken
from apikeys.services.life import policies

router = Router()


class OwnChatflow(ApiSchema):
    """A chatflow that the key opens."""

    id: UUID
    name: str
    mode: str


class OwnCall(ApiSchema):
    """A call that came with the key."""

    at: datetime
    chatflow: str = Field(description="Its name; of one that the key does not open, the id sent.")
    allowed: bool
    status: int
    code: str
    advice: str = Field(description="What to do about a refusal; empty for a call that was let in.")


class Self(ApiSchema):
    """What a key is and may do, and what it took."""

    id: UUID
    name: str
    team: str
    status: str
    environment: Environment
    scopes: list[Permission]
    chatflows: list[OwnChatflow]
    limits: LimitsShown
    used: LimitsShown = Field(
        description="What counts against each limit, with what running calls hold back."
    )
    networks: list[str]
    origins: list[str]
    secrets: list[Secret]
    expires_at: datetime | None
    calls: list[OwnCall]


class Policy(ApiSchema):
    """What keys of the team may be. null: the policy asks nothing there."""

    longest_life: int | None = Field(description="Days from the newest text on.")
    rotate_every: int | None = Field(description="Days between two reminders.")
    longest_overlap: int | None = Field(description="Hours that two texts both work.")
    may_last_forever: bool
    scopes: list[Permission] | None


@operation(
    router,
    "GET",
    "/apikey/self",
    name="getOwnApiKey",
    summary="Ask which key this is",
    response={200: Self},
    errors=(Missing,),
    example={
        "id": ID,
        "name": "crm-sync",
        "team": "acme",
        "status": "active",
        "environment": "production",
        "scopes": ["predictions:create"],
        "chatflows": [{"id": CHATFLOW_ID, "name": "Returns helper", "mode": "keys"}],
        "limits": KEY["limits"],
        "used": {**KEY["limits"], "requests_per_minute": 3, "calls_per_day": 41, "budget": "1.07"},
        "networks": [],
        "origins": [],
        "secrets": KEY["secrets"],
        "expires_at": None,
        "calls": [],
    },
)
def own(request: ApiRequest) -> Self:
    """Return what the presented key is, opens and took of its limits, and its last 20 calls."""
    team = request.principal.team
    rows = ApiKey.objects.of(team).kept().with_status()
    key = rows.filter(pk=request.principal.actor.id).first()
    if key is None:  # deleted between two statements
        raise Missing
    secret = key.secret
    if secret is None:
        raise Missing
    seen, shown = overview.of(key, secret), schemas.shown(key)
    return Self(
        id=key.id,
        name=key.name,
        team=team.slug,
        status=key.status,
        environment=key.lives_in,
        scopes=shown.scopes,
        chatflows=[OwnChatflow(id=each.id, name=each.name, mode=each.mode) for each in seen.opens],
        limits=shown.limits,
        used=_used(seen.taken),
        networks=key.networks,
        origins=key.origins,
        secrets=shown.secrets,
        expires_at=key.expires_at,
        calls=[
            OwnCall(
                at=call.at,
                chatflow=call.chatflow,
                allowed=call.allowed,
                status=call.status,
                code=call.code,
                advice=call.advice,
            )
            for call in seen.last_calls
        ],
    )


@operation(
    router,
    "GET",
    "/apikey/policy",
    name="getKeyPolicy",
    summary="Get the key policy",
    scope=Permission.APIKEYS_VIEW,
    response={200: Policy},
    example={
        "longest_life": 365,
        "rotate_every": 90,
        "longest_overlap": 168,
        "may_last_forever": False,
        "scopes": ["predictions:create"],
    },
)
def policy(request: ApiRequest) -> Policy:
    """Return what the team's policy asks of its keys. People alone set it, on the dashboard."""
    held = policies.of(request.principal.team)
    allowed = None if held.scopes is None else policies.allowed_scopes(request.principal.team)
    return Policy(
        longest_life=held.longest_life,
        rotate_every=held.rotate_every,
        longest_overlap=held.longest_overlap,
        may_last_forever=held.may_last_forever,
        scopes=None if allowed is None else sorted(map(Permission, allowed)),
    )


def _used(taken: Taken) -> LimitsShown:
    tokens, cost = taken.tokens + taken.reserved_tokens, taken.cost + taken.reserved_cost
    return limits_shown(Limits(taken.minute, taken.streams, taken.day, taken.month, tokens, cost))
