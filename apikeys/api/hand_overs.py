"""Operations on hand-overs: make a link for the holder of a key, look at it, end it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from ninja import Router
from pydantic import Field

from accounts.api import idempotency
from accounts.api.faults import Conflict, Missing
from accounts.api.operations import ApiRequest, ApiSchema, operation
from accounts.permissions import Permission
from apikeys.api.finding import ONE, find
from apikeys.api.rotation import SPANS, Overlap, Retire
from apikeys.api.schemas import Link
from apikeys.models import ApiKey, HandOver
from apikeys.services.life import hand_overs

router = Router()
PATH = f"{ONE}/hand-over"


class NewHandOver(Link):
    """A link, and what becomes of the text before."""

    overlap: Overlap = Field(
        default="24h", description="Of the old text and the new one, from when that is taken."
    )
    retire: Retire = "at_end"


class HandOverShown(ApiSchema):
    """A link for the holder of a key. It is no key: it carries the right to make its text once."""

    state: Literal["waiting", "taken", "ended"]
    holder: str
    made_by: str
    made_at: datetime
    ends_at: datetime
    has_passphrase: bool
    wrong_passphrases: int
    taken_at: datetime | None
    taken_from: str | None
    public_id: str | None = Field(description="Of the text that was taken.")
    url: str | None = Field(default=None, description="The link, in the one answer that made it.")


EXAMPLE = {
    "state": "waiting",
    "holder": "Vera",
    "made_by": "adam",
    "made_at": "2026-11-27T10:00:00Z",
    "ends_at": "2026-11-28T10:00:00Z",
    "has_passphrase": False,
    "wrong_passphrases": 0,
    "taken_at": None,
    "taken_from": None,
    "public_id": None,
    "url": None,
}


@operation(
    router,
    "POST",
    PATH,
    name="createHandOver",
    summary="Create a link for the holder of a key",
    scope=Permission.APIKEYS_UPDATE,
    response={201: HandOverShown},
    errors=(PermissionDenied,),
    example={**EXAMPLE, "url": "https://flowlatch.example/key-link/fll_…/"},
    takes_body={"lifetime": "24h", "holder": "Vera", "overlap": "7d"},
)
@idempotency.once("/apikey/hand-over", secrets=("url",))
def make(
    request: ApiRequest, response: HttpResponse, key_id: UUID, body: NewHandOver | None = None
) -> HandOverShown:
    """Make a link. The text comes into being when somebody opens it and presses the button, is
    shown there once, and is seen by nobody else. The link is `url` of this answer, and of no other.
    """
    key, body = find(request, key_id), body or NewHandOver()
    made, token = hand_overs.make(
        key,
        request.principal.actor,
        overlap=SPANS[body.overlap],
        when_silent=body.retire == "when_silent",
        **body.terms(),
    )
    shown = _shown(made)
    shown.url = hand_overs.url(token)
    return shown


@operation(
    router,
    "GET",
    PATH,
    name="getHandOver",
    summary="Look at the newest link of a key",
    scope=Permission.APIKEYS_VIEW,
    response={200: HandOverShown},
    example=EXAMPLE,
)
def get(request: ApiRequest, key_id: UUID) -> HandOverShown:
    """Return whether the text was taken, when and from where."""
    return _shown(_latest(find(request, key_id)))


@operation(
    router,
    "DELETE",
    PATH,
    name="endHandOver",
    summary="End the link of a key",
    scope=Permission.APIKEYS_UPDATE,
    response={204: None},
    errors=(Conflict,),
)
def end(request: ApiRequest, key_id: UUID) -> None:
    """End the link that waits. A text that was taken stays: revoke it."""
    if not hand_overs.revoke(_latest(find(request, key_id)), request.principal.actor):
        raise Conflict("No link of this key waits.")


def _latest(key: ApiKey) -> HandOver:
    found = hand_overs.latest_of(key)
    if found is None:
        raise Missing
    found.key = key
    return found


def _shown(found: HandOver) -> HandOverShown:
    return HandOverShown(
        state=found.state,  # type: ignore[arg-type]
        holder=found.holder,
        made_by=found.made_by_name,
        made_at=found.made_at,
        ends_at=found.ends_at,
        has_passphrase=bool(found.passphrase),
        wrong_passphrases=found.wrong_passphrases,
        taken_at=found.taken_at,
        taken_from=found.taken_from or None,
        public_id=found.public_id or None,
    )
