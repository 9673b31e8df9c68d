"""Operations on who may call a chatflow, and what the presented key opens."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from ninja import Router

from accounts.api import etags
from accounts.api.faults import Changed, Conflict
from accounts.api.fields import LIMIT_NAMES
from accounts.api.operations import ApiRequest, View, operation
from accounts.bounds import MOST, NANOS
from accounts.permissions import Actor
from accounts.services.versions import Stale
from apikeys.services import bounds
from chatflows.api import finding, schemas
from chatflows.api.examples import ACCESS, ID
from chatflows.api.schemas import AccessChange, Opened
from chatflows.models import AccessMode, Chatflow, ChatflowType
from chatflows.services import chatflows
from chatflows.services.chatflows import Access, Bounds

router = Router()
PATH = "/chatflows/{uuid:chatflow_id}/access"
NO_PRICE = "A budget counts by the price of tokens. Set one, such as 1.80."


@operation(
    router,
    "GET",
    PATH,
    name="getChatflowAccess",
    summary="Get who may call a chatflow",
    scope=finding.VIEW,
    response={200: schemas.Access},
    example=ACCESS,
)
def get(request: ApiRequest, response: HttpResponse, chatflow_id: UUID) -> schemas.Access:
    """Return who may call a chatflow, how much and from where."""
    return _answer(response, finding.chatflow(request, chatflow_id, "view"))


def _update(name: str, method: str) -> Callable[[View], View]:
    return operation(
        router,
        method,
        PATH,
        name=name,
        summary="Set who may call a chatflow",
        scope=finding.UPDATE,
        response={200: schemas.Access},
        errors=(Changed, Conflict),
        example=ACCESS,
        takes_body={"mode": "keys", "keys": ["0198c2f4-1c2b-4d5e-8f90-abcdef123456"]},
    )


@_update("updateChatflowAccess", "PATCH")
@_update("replaceChatflowAccess", "PUT")
def update(
    request: ApiRequest, response: HttpResponse, chatflow_id: UUID, body: AccessChange
) -> schemas.Access:
    """Change what the body names; all else stays, with PUT too. It holds from the next call on.

    A chatflow becomes public by `"mode": "public"` alone. With `keys` exactly these open it.
    """
    chatflow = finding.chatflow(request, chatflow_id, "update")
    etags.check(request, chatflow.version)
    key_ids = None
    if body.keys is not None:
        key_ids = finding.keys(chatflow.team, body.keys, "keys.*")
    wanted = _wanted(chatflow, body)
    _save(request, chatflow, wanted, key_ids, body)
    chatflow.refresh_from_db()
    return _answer(response, chatflow)


@operation(
    router,
    "GET",
    "/chatflows/apikey",
    name="listOwnChatflows",
    summary="Ask what this key opens",
    response={200: list[Opened]},
    example=[{"id": ID, "name": "Returns helper", "type": "CHATFLOW", "mode": "keys"}],
)
def own(request: ApiRequest) -> list[Opened]:
    """Return the chatflows that the presented key is selected for, by name."""
    of_team = Chatflow.objects.of(request.principal.team)
    found = of_team.filter(selections__key=UUID(request.principal.actor.id)).order_by("name_key")
    return [
        Opened(
            id=each.id,
            name=each.name,
            type=ChatflowType(each.type),
            mode=AccessMode(each.access_mode),
        )
        for each in found
    ]


def select_only(chatflow: Chatflow, key: str, by: Actor) -> None:
    """Let exactly one key open a chatflow, in mode keys. Raises Invalid for a key of nobody's."""
    (key_id,) = finding.keys(chatflow.team, [key], "apikeyid")
    chatflow.refresh_from_db()
    access = Access(
        AccessMode.KEYS, frozenset([key_id]), allow_key_in_url=chatflow.allow_key_in_url
    )
    chatflows.save_access(chatflow, access, by, version=chatflow.version)


def _save(
    request: ApiRequest,
    chatflow: Chatflow,
    wanted: Bounds,
    key_ids: frozenset[UUID] | None,
    body: AccessChange,
) -> None:
    in_url = chatflow.allow_key_in_url if body.allow_key_in_url is None else body.allow_key_in_url
    access = Access(
        mode=chatflow.access_mode if body.mode is None else body.mode.value,
        key_ids=frozenset() if key_ids is None else key_ids,
        allow_key_in_url=in_url,
        shown=frozenset() if key_ids is None else None,  # none was shown: all keep their selection
        bounds=wanted,
    )
    try:
        with transaction.atomic():
            by = request.principal.actor
            chatflows.save_access(chatflow, access, by, version=chatflow.version)
    except Stale:
        raise etags.meanwhile(request) from None


def _wanted(chatflow: Chatflow, body: AccessChange) -> Bounds:
    """Return the bounds with those that the body names. Raises ValidationError by field."""
    named = body.model_fields_set
    limits = chatflow.limits if body.limits is None else body.limits.over(chatflow.limits)
    errors: dict[str, str] = {}
    for name, limit, most in zip(LIMIT_NAMES, limits, MOST, strict=True):
        bounds.noted(errors, f"limits.{name}", partial(bounds.check_limit, limit, most))
    address, price = chatflow.limit_address, chatflow.price
    if "requests_per_minute_per_address" in named:
        address = body.requests_per_minute_per_address
        field = "requests_per_minute_per_address"
        bounds.noted(errors, field, partial(bounds.check_limit, address, MOST.minute))
    if "price" in named:
        price = None if body.price is None else int(body.price * NANOS)
        bounds.noted(errors, "price", partial(bounds.check_limit, price, MOST.budget))
    if limits.budget and not price:
        errors["price"] = NO_PRICE
    networks, origins = chatflow.networks, chatflow.origins
    if body.networks is not None:
        networks = bounds.noted(errors, "networks", partial(bounds.networks, body.networks))
    if body.origins is not None:
        origins = bounds.noted(errors, "origins", partial(bounds.web_pages, body.origins))
    if errors:
        raise ValidationError(dict(errors))
    return Bounds(limits, address, price, tuple(networks), tuple(origins))


def _answer(response: HttpResponse, chatflow: Chatflow) -> schemas.Access:
    etags.mark(response, chatflow.version)
    return schemas.access_shown(chatflow)
