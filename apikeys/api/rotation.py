"""Operations on the texts of a key: rotate, revoke."""

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from ninja import Router
from pydantic import Field, field_validator

from accounts.api import idempotency
from accounts.api.faults import Changed, Conflict
from accounts.api.fields import Moment, said
from accounts.api.operations import ApiRequest, ApiSchema, operation
from accounts.permissions import Permission
from apikeys.api import schemas, terms
from apikeys.api.changes import ITSELF
from apikeys.api.examples import CREATED, KEY
from apikeys.api.finding import ONE, answered, find, held
from apikeys.api.schemas import Key
from apikeys.services.life import rotation

router = Router()
SPANS = {
    "0": timedelta(),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
Overlap = Literal["0", "1h", "24h", "7d", "30d"]
Retire = Literal["at_end", "when_silent"]


class Rotation(ApiSchema):
    """How the old text ends once the new one is there."""

    overlap: Overlap = Field(default="24h", description="How long both texts work.")
    retire: Retire = Field(
        default="at_end",
        description="when_silent: the old text ends earlier, once no call came with it for 12 "
        "hours.",
    )
    expires_at: Moment | None = Field(default=None, description="A new end of the key.")

    _said = field_validator("expires_at", mode="before")(said)


class Revocation(ApiSchema):
    """Which text ends."""

    public_id: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="The one of this id; without it every text of the key."
    )

    # An id that a program failed to find must not end every text.
    _said = field_validator("public_id", mode="before")(said)


@operation(
    router,
    "POST",
    f"{ONE}/rotate",
    name="rotateApiKey",
    summary="Create a new text",
    scope=Permission.APIKEYS_UPDATE,
    response={200: Key},
    errors=(PermissionDenied, Conflict, Changed),
    example=CREATED,
    takes_body={"overlap": "24h", "retire": "when_silent"},
)
@idempotency.once("/apikey/rotate", secrets=("api_key", "apiKey"), status=200)
def rotate(
    request: ApiRequest, response: HttpResponse, key_id: UUID, body: Rotation | None = None
) -> Key:
    """Create a new text beside the present one, which works on until the overlap is over.

    The text is `api_key` of this answer, and of no other. A key that has no text yet gets its
    first one. While two texts work there is no third: 409. The caller must hold every scope of the
    key.
    """
    body = body or Rotation()
    if body.expires_at is not None and request.principal.actor.id == str(key_id):
        raise PermissionDenied(ITSELF)
    with transaction.atomic(), terms.in_words_of_bodies():
        try:
            text = rotation.rotate(
                held(request, key_id),
                request.principal.actor,
                overlap=SPANS[body.overlap],
                when_silent=body.retire == "when_silent",
                expires_at=body.expires_at,
            )
        except rotation.TwoSecrets:
            raise Conflict("Two texts work already. The old one has to end first.") from None
    key = find(request, key_id)
    return answered(response, schemas.shown(key, text=text))


@operation(
    router,
    "POST",
    f"{ONE}/revoke",
    name="revokeApiKey",
    summary="End the texts of a key",
    scope=Permission.APIKEYS_UPDATE,
    response={200: Key},
    errors=(Changed,),
    example={**KEY, "status": "unissued", "secrets": []},
    takes_body={"public_id": "8fK2aB3cD4m3"},
)
def revoke(
    request: ApiRequest, response: HttpResponse, key_id: UUID, body: Revocation | None = None
) -> Key:
    """End every text of a key, or one, at once and for good. The key stays, for a new text."""
    public_id = body.public_id if body is not None else None
    with transaction.atomic():
        key = held(request, key_id)
        rotation.revoke_secrets(key, request.principal.actor, public_id=public_id)
    key = find(request, key_id)
    return answered(response, schemas.shown(key))
