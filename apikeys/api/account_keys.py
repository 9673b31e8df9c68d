"""Operations on the keys of one service account."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from ninja import Query, Router

from accounts.api import idempotency
from accounts.api.faults import Invalid
from accounts.api.lists import Paging, listed
from accounts.api.operations import ApiRequest, operation
from accounts.api.service_accounts import ONE, find
from accounts.permissions import Permission
from apikeys.api import schemas
from apikeys.api.examples import CREATED, KEY, NEW
from apikeys.api.keys import SECRETS, created
from apikeys.api.schemas import Key, KeyPage, NewKey
from apikeys.models import ApiKey

router = Router()
PATH = f"{ONE}/api-keys"


@operation(
    router,
    "GET",
    PATH,
    name="listServiceAccountKeys",
    summary="List the keys of a service account",
    scope=Permission.APIKEYS_VIEW,
    response={200: KeyPage},
    example={"data": [KEY], "next_cursor": None},
)
def list_keys(
    request: ApiRequest,
    response: HttpResponse,
    account_id: UUID,
    paging: Query[Paging],
) -> KeyPage:
    """List the keys of a service account."""
    account = find(request, account_id)
    rows = ApiKey.objects.of(request.principal.team).kept().filter(service_account=account)
    rows = rows.select_related("team", "service_account")
    found, following = listed(request, response, f"keys of {account.id}", rows, paging)
    return KeyPage(data=schemas.shown_all(found), next_cursor=following)


@operation(
    router,
    "POST",
    PATH,
    name="createServiceAccountKey",
    summary="Create a key of a service account",
    scope=Permission.APIKEYS_CREATE,
    response={201: Key},
    errors=(PermissionDenied,),
    example=CREATED,
    takes_body=NEW,
)
@idempotency.once("/service-accounts/api-keys", secrets=SECRETS)
def create(request: ApiRequest, response: HttpResponse, account_id: UUID, body: NewKey) -> Key:
    """Create a key of a service account, as `POST /api/v1/apikey` does."""
    account = find(request, account_id)
    if body.service_account not in (None, account.id):
        raise Invalid("The address names another service account.", "service_account")
    return created(request, response, body.model_copy(update={"service_account": account.id}))
