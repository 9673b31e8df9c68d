"""Changes of keys that a body asks for, each as the services make it, all in one transaction."""

from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from accounts.api.fields import LimitsBody
from accounts.api.operations import ApiRequest
from accounts.models import ServiceAccount
from accounts.permissions import Actor, Principal
from apikeys import resources
from apikeys.api import terms
from apikeys.api.finding import find, held
from apikeys.api.schemas import KeyChange, NewKey
from apikeys.models import ApiKey, Kind
from apikeys.services import details, keys, publishable
from apikeys.services.details import Details
from apikeys.services.life import expiry, hand_overs, policies
from apikeys.services.terms import Terms

ITSELF = "A key changes others and not itself: it can't lift its own bounds."


class Made(NamedTuple):
    """A new key, with its text or with the link by which its holder makes the text."""

    key: ApiKey
    text: str | None
    url: str | None
    ignored: list[str] | None  # permissions that mean nothing here


@transaction.atomic
def create(principal: Principal, body: NewKey) -> Made:
    """Make the key of a body.

    Raises Invalid, ValidationError by the body's fields, and NotAllowed.
    """
    team, by = principal.team, principal.actor
    name = terms.name_of(body)
    if name is None:
        raise ValidationError({"name": "This field is needed."})
    scopes, ignored = terms.scopes_of(body)
    contact, address = terms.contact_of(team, body.contact)
    opens = terms.chatflows_of(team, body.chatflows or [])
    said: Terms = {
        "kind": body.kind,
        "service_account": terms.account_of(team, body.service_account),
        "contact": contact,
        "note": (body.note or "").strip(),
        "networks": body.networks or [],
        "origins": body.origins or [],
        "limits": (body.limits or LimitsBody()).over(),
        "expires_at": body.expires_at,
    }
    if scopes is not None and not (ignored and not scopes):
        said["scopes"] = scopes
    if body.environment is not None:
        said["environment"] = body.environment
    if body.kind == Kind.PUBLISHABLE:
        if len(opens) != 1:
            raise ValidationError({"chatflows": "Name the one chatflow that it opens."})
        said["pinned_to"] = opens[0]
    with terms.in_words_of_bodies():
        text = url = None
        if body.hand_over is None:
            key, text = keys.add(team, name, by, opens=opens, **said)
        else:
            key = keys.prepare(team, name, by, opens=opens, **said)
            _, token = hand_overs.make(key, by, **body.hand_over.terms())
            url = hand_overs.url(token)
        if address:
            about = replace(_details(key), contact_email=address)
            details.change(key, about, by, version=key.version)
    return Made(key, text, url, ignored)


def update(request: ApiRequest, key_id: UUID, body: KeyChange) -> list[str] | None:
    """Change what a body names, in the transaction of the caller. Return what `create` ignores.

    Raises Missing, Changed, Invalid, ValidationError by the body's fields, and PermissionDenied.
    """
    by, seen = request.principal.actor, find(request, key_id)
    if by.id == str(seen.id):
        raise PermissionDenied(ITSELF)
    policies.lock(seen.team)
    wanted = _wanted_chatflows(seen, body)
    _hold_accounts(seen, body)
    key = held(request, key_id)
    scopes, ignored = terms.scopes_of(body)
    with terms.in_words_of_bodies():
        _change_details(key, body, by)
        _change_bounds(key, body, by)
        if scopes is not None:
            details.change_scopes(key, scopes, by, version=key.version)
            key.refresh_from_db()
        _change_end(key, body, by)
        if wanted is not None:
            _choose(key, wanted, by)
        if body.disabled is not None:
            (keys.disable if body.disabled else keys.enable)(key, by)
    return ignored


def _wanted_chatflows(key: ApiKey, body: KeyChange) -> list[UUID] | None:
    """Return the chatflows that the key shall open, locked before the key, as pages lock them."""
    if body.chatflows is None:
        return None
    wanted = terms.chatflows_of(key.team, body.chatflows)
    resources.registry().hold(key.team, [*wanted, *_opened(key)])
    return wanted


def _hold_accounts(key: ApiKey, body: KeyChange) -> None:
    """Lock the key's service account and the one that it shall have, before the key."""
    kept = ServiceAccount.objects.of(key.team).kept().select_for_update(no_key=True).order_by("pk")
    list(kept.filter(pk__in=[key.service_account_id, body.service_account]).values_list("pk"))


def _change_details(key: ApiKey, body: KeyChange, by: Actor) -> None:
    names = ("name", "keyName", "note", "environment", "service_account", "contact")
    if not terms.given(body, (*names, "rotate_every")):
        return
    about = _details(key)
    said: dict[str, Any] = {}
    if (name := terms.name_of(body)) is not None:
        said["name"] = name
    if terms.given(body, ["note"]):
        said["note"] = body.note or ""
    if body.environment is not None:
        said["environment"] = body.environment
    if terms.given(body, ["service_account"]):
        said["service_account"] = terms.account_of(key.team, body.service_account)
    if terms.given(body, ["contact"]):
        contact, address = terms.contact_of(key.team, body.contact)
        said |= {"contact": contact, "contact_email": address}
    if terms.given(body, ["rotate_every"]):
        said["rotate_every"] = body.rotate_every
    details.change(key, replace(about, **said), by, version=key.version)
    key.refresh_from_db()


def _change_bounds(key: ApiKey, body: KeyChange, by: Actor) -> None:
    if body.limits is not None:
        details.change_limits(key, body.limits.over(key.limits), by, version=key.version)
        key.refresh_from_db()
    if body.networks is not None or body.origins is not None:
        networks = key.networks if body.networks is None else body.networks
        origins = key.origins if body.origins is None else body.origins
        details.change_where(key, networks, origins, by, version=key.version)
        key.refresh_from_db()


def _change_end(key: ApiKey, body: KeyChange, by: Actor) -> None:
    if not terms.given(body, ["expires_at"]) or body.expires_at == key.expires_at:
        return
    if body.expires_at is None:
        terms.refuse_lifted_end()
    else:
        expiry.set_end(key, body.expires_at, by)


def _choose(key: ApiKey, wanted: list[UUID], by: Actor) -> None:
    if key.is_publishable:
        if len(wanted) != 1:
            raise ValidationError({"pinned_to": publishable.NO_PIN})
        if wanted[0] != key.pinned_to:
            publishable.pin(key, wanted[0], by)
        return
    present = _opened(key)
    details.choose_chatflows(key, {*wanted} - present, present - {*wanted}, by)


def _opened(key: ApiKey) -> set[UUID]:
    return {each.id for each in resources.registry().of_keys([key]).get(key.id, [])}


def _details(key: ApiKey) -> Details:
    return Details(
        name=key.name,
        note=key.note,
        environment=key.environment,
        service_account=key.service_account,
        contact=key.contact,
        contact_email=key.contact_email,
        rotate_every=key.rotate_every,
    )
