"""Find the key that an operation is about, in the caller's team alone."""

from uuid import UUID

from django.http import HttpResponse

from accounts.api import etags
from accounts.api.faults import Missing
from accounts.api.operations import ApiRequest
from apikeys.api import schemas
from apikeys.api.schemas import Key
from apikeys.models import ApiKey
from apikeys.services.life import policies

ONE = "/apikey/{uuid:key_id}"


def find(request: ApiRequest, key_id: UUID) -> ApiKey:
    """Return a key of the caller's team. Raises Missing for any other."""
    kept = ApiKey.objects.of(request.principal.team).kept()
    key = kept.select_related("team", "service_account", "contact").filter(pk=key_id).first()
    if key is None:
        raise Missing
    return key


def held(request: ApiRequest, key_id: UUID) -> ApiKey:
    """Return a key, locked, as the caller has read it. Raises Missing and Changed.

    The team is locked before it, as whatever makes a text does.
    """
    policies.lock(request.principal.team)
    found = find(request, key_id)
    ApiKey.objects.select_for_update(no_key=True).filter(pk=found.pk).first()
    key = find(request, key_id)  # as it is now that nobody else can change it
    if "If-Match" in request.headers:
        etags.check(request, schemas.tag(schemas.shown(key)))
    return key


def answered(response: HttpResponse, key: Key) -> Key:
    """Put the entity tag of a key on its answer."""
    etags.mark(response, schemas.tag(key))
    return key
