"""Operations on keys: list, create, get, update, delete."""

from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from accounts.api import etags
from accounts.api.faults import Missing
from accounts.api.operations import ApiRequest, operation
from accounts.permissions import Permission
from apikeys.api import schemas
from apikeys.models import ApiKey

router = Router()
EXAMPLE = {
    "id": "0198c2f4-1c2b-4d5e-8f90-abcdef123456",
    "name": "crm-sync",
    "kind": "secret",
    "status": "active",
    "scopes": ["predictions:create"],
    "created_at": "2026-11-27T10:00:00Z",
    "expires_at": None,
    "version": 1,
}


@operation(
    router,
    "GET",
    "/apikey/{uuid:key_id}",
    name="getApiKey",
    summary="Get a key",
    scope=Permission.APIKEYS_VIEW,
    response={200: schemas.Key},
    example=EXAMPLE,
)
def get(request: ApiRequest, response: HttpResponse, key_id: UUID) -> schemas.Key:
    """Return one key of the team. Its text is never part of it."""
    key = find(request, key_id)
    etags.mark(response, key.version)
    return schemas.shown(key)


def find(request: ApiRequest, key_id: UUID) -> ApiKey:
    """Return a key of the caller's team. Raises Missing for any other."""
    key = ApiKey.objects.of(request.principal.team).kept().with_status().filter(pk=key_id).first()
    if key is None:
        raise Missing
    return key
