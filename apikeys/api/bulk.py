"""Operations on several keys at once: all of them are changed, or none."""

from typing import Annotated, Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from ninja import Router
from pydantic import Field

from accounts.api import idempotency
from accounts.api.faults import Invalid, Lacking
from accounts.api.fields import unique
from accounts.api.operations import ApiRequest, ApiSchema, operation
from accounts.permissions import Permission
from apikeys.api.examples import ID
from apikeys.models import ApiKey
from apikeys.services import keys
from apikeys.services.life import rotation

router = Router()
MOST = 200  # keys at once
Action = Literal["disable", "enable", "revoke", "delete"]


class Bulk(ApiSchema):
    """What to do with which keys."""

    action: Action
    ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST)]


class Done(ApiSchema):
    """How many keys there were, and how many of them changed by this."""

    action: Action
    keys: int
    changed: int


@operation(
    router,
    "POST",
    "/apikey/bulk",
    name="changeApiKeys",
    summary="Disable, enable, revoke or delete several keys",
    scope=(Permission.APIKEYS_UPDATE, Permission.APIKEYS_DELETE),
    response={200: Done},
    errors=(PermissionDenied,),
    example={"action": "disable", "keys": 2, "changed": 1},
    takes_body={"action": "disable", "ids": [ID]},
)
@idempotency.once("/apikey/bulk", status=200)
def change(request: ApiRequest, response: HttpResponse, body: Bulk) -> Done:
    """Change up to 200 keys, all or none. `delete` asks for apikeys:delete, the others for
    apikeys:update. To enable a key the caller must hold every scope of it.
    """
    is_deletion = body.action == "delete"
    scope = Permission.APIKEYS_DELETE if is_deletion else Permission.APIKEYS_UPDATE
    if not request.principal.may_do(scope):
        raise Lacking(scope)
    wanted, by = unique(body.ids), request.principal.actor
    with transaction.atomic():
        found = _found(request, wanted)
        if body.action == "disable":
            changed = keys.disable_all(found, by)
        elif body.action == "enable":
            changed = keys.enable_all(found, by)
        elif body.action == "revoke":
            changed = sum(1 for key in found if rotation.revoke_secrets(key, by))
        else:
            keys.delete_all(found, by)
            changed = len(found)
    return Done(action=body.action, keys=len(found), changed=changed)


def _found(request: ApiRequest, wanted: list[UUID]) -> list[ApiKey]:
    """Return the keys, all locked before the first audit row. Raises Invalid for another id."""
    kept = ApiKey.objects.of(request.principal.team).kept().select_related("team")
    kept = kept.select_for_update(of=("self",), no_key=True)
    found = list(kept.filter(pk__in=wanted).order_by("pk"))
    known = {key.id for key in found}
    for place, each in enumerate(wanted):
        if each not in known:
            raise Invalid("The team has no such key.", f"ids.{place}")
    return found
