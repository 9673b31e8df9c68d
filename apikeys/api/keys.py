"""Operations on keys: list, create, get, update, delete."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from ninja import Query, Router

from accounts.api import cursors, idempotency, lists
from accounts.api.faults import Changed, Conflict
from accounts.api.operations import ApiRequest, View, operation
from accounts.models.names import fold
from accounts.permissions import Permission
from apikeys.api import changes, schemas
from apikeys.api.examples import CREATED, KEY, NEW
from apikeys.api.finding import ONE, answered, find, held
from apikeys.api.schemas import Deleted, Key, KeyChange, KeyFilters, KeyPage, NewKey
from apikeys.models import ApiKey
from apikeys.services import key_lists, keys
from apikeys.services.key_lists import Filters, Narrow

router = Router()
LIST = "apikey"
SECRETS = ("api_key", "apiKey", "hand_over_url")  # are in no second answer


@operation(
    router,
    "GET",
    "/apikey",
    name="listApiKeys",
    summary="List keys",
    scope=Permission.APIKEYS_VIEW,
    response={200: KeyPage | list[Key]},
    example={"data": [KEY], "next_cursor": None},
)
def list_keys(
    request: ApiRequest,
    response: HttpResponse,
    wanted: Query[KeyFilters],
) -> Any:
    """List the keys of the team, those used last first.

    With `cursor` or `limit` the answer is a page. Without both it is a bare array, as Flowise gives
    it, of at most 1,000 keys; where there are more, the header `Link` leads on.
    """
    size, is_page = lists.size_of(request, wanted.limit)
    team = request.principal.team
    place = cursors.read(team.id, LIST, wanted.cursor)
    rows = ApiKey.objects.of(team).kept()
    if wanted.name is not None:
        rows = rows.filter(name_key=fold(wanted.name.strip()))
    found = key_lists.page(rows, _narrow(wanted), place, size=size)
    data = schemas.shown_all(found.keys)
    following = lists.lead_on(request, response, LIST, found.next, size, **wanted.chosen())
    return KeyPage(data=data, next_cursor=following) if is_page else data


@operation(
    router,
    "POST",
    "/apikey",
    name="createApiKey",
    summary="Create a key",
    scope=Permission.APIKEYS_CREATE,
    response={201: Key},
    errors=(PermissionDenied,),
    example=CREATED,
    takes_body=NEW,
)
@idempotency.once("/apikey", secrets=SECRETS)
def create(request: ApiRequest, response: HttpResponse, body: NewKey) -> Key:
    """Create a key. Its text is `api_key` of this answer, and of no other; with `hand_over` it has
    none yet, and `hand_over_url` is for the person who will hold it.

    A key gives no scope that it lacks. Without `scopes` the new key asks chatflows and nothing
    else. To name `chatflows`, the caller may update each of them.
    """
    return created(request, response, body)


@operation(
    router,
    "GET",
    ONE,
    name="getApiKey",
    summary="Get a key",
    scope=Permission.APIKEYS_VIEW,
    response={200: Key},
    example=KEY,
)
def get(request: ApiRequest, response: HttpResponse, key_id: UUID) -> Key:
    """Return one key of the team. The text of a secret key is never part of it."""
    key = find(request, key_id)
    return answered(response, schemas.shown(key))


def _narrow(wanted: KeyFilters) -> Narrow | None:
    filters = Filters(wanted.status or "", wanted.kind or "", wanted.environment or "")
    account = wanted.service_account
    if account is not None:
        return lambda keys: filters.narrow(keys).filter(service_account=account)
    return filters.narrow if filters else None


def _update(name: str, method: str) -> Callable[[View], View]:
    return operation(
        router,
        method,
        ONE,
        name=name,
        summary="Update a key",
        scope=Permission.APIKEYS_UPDATE,
        response={200: Key},
        errors=(PermissionDenied, Changed, Conflict),
        example=KEY,
        takes_body={"note": "Asked by the shop's backend", "limits": {"calls_per_day": 1000}},
    )


@_update("updateApiKey", "PATCH")
@_update("replaceApiKey", "PUT")
def update(request: ApiRequest, response: HttpResponse, key_id: UUID, body: KeyChange) -> Key:
    """Change what the body names; all else stays, with PUT too. All of it is done, or nothing.

    A key changes others and not itself: it can't lift its own bounds.
    """
    with transaction.atomic():
        ignored = changes.update(request, key_id, body)
    key = find(request, key_id)
    return answered(response, schemas.shown(key, ignored=ignored))


@operation(
    router,
    "DELETE",
    ONE,
    name="deleteApiKey",
    summary="Delete a key",
    scope=Permission.APIKEYS_DELETE,
    response={200: Deleted},
    errors=(Changed,),
    example={"raw": [], "affected": 1},
)
def delete(request: ApiRequest, key_id: UUID) -> Deleted:
    """Delete a key for good, its name too. Its next call is refused. Records keep its name."""
    with transaction.atomic():
        keys.delete(held(request, key_id), request.principal.actor)
    return Deleted()


def created(request: ApiRequest, response: HttpResponse, body: NewKey) -> Key:
    """Make the key of a body, and return the one answer with its text or its link."""
    made = changes.create(request.principal, body)
    response.headers["Location"] = f"{settings.PUBLIC_URL}/api/v1/apikey/{made.key.id}"
    key = schemas.shown(find(request, made.key.id), text=made.text, ignored=made.ignored)
    key.hand_over_url = made.url
    return answered(response, key)
