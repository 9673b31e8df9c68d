"""Adoption: let a text that Flowise made open what it opened there."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.crypto import digests
from accounts.models import Team
from accounts.permissions import Actor
from apikeys import adopted
from apikeys.models import ApiKey, KeySecret
from apikeys.services import keys, rights
from apikeys.services.life import policies


class Taken(Exception):
    """Raised for a text that another team's key has here, or a key that was deleted here."""


def held(team: Team, texts: Iterable[str]) -> dict[str, ApiKey | None]:
    """Return the keys of these adopted texts, by text; None for one that the team can't have.

    Texts that are new here are left out. Raises Unavailable.
    """
    names = {adopted.public_id(text): text for text in texts}
    found: dict[str, ApiKey | None] = {}
    pending = list(names)
    while pending:  # in portions: SQLite takes so many values in one statement
        portion, pending = pending[:500], pending[500:]
        for secret in KeySecret.objects.filter(public_id__in=portion).select_related("key"):
            key = secret.key
            is_ours = key.team_id == team.id and key.deleted_at is None
            found[names[secret.public_id]] = key if is_ours else None
    return found


@transaction.atomic
def adopt(key: ApiKey, text: str, by: Actor) -> None:
    """Give a key that has no secret a text of Flowise's, which is stored as its digest alone.

    The caller has proved that Flowise made it (see `adopted.is_genuine`). Raises Taken, and
    AlreadyIssued for a key with a secret that works, and NotAllowed as `keys.issue` does.
    """
    policies.lock(key.team)
    locked = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    rights.check(key.team, by, locked.scopes)
    now = timezone.now()
    if KeySecret.objects.live(now).filter(key=key).exists():
        raise keys.AlreadyIssued
    public_id = adopted.public_id(text)
    if KeySecret.objects.filter(public_id=public_id).exists():
        raise Taken
    policies.bound_end(locked, now)
    version, digest = digests.pepper_digest(text)
    KeySecret.objects.create(key=locked, public_id=public_id, digest=digest, pepper_version=version)
    key.expires_at = locked.expires_at
    after = {"public_id": public_id}
    audit.record(key.team_id, "api_key.adopt", by, keys.target(key), after=after)
