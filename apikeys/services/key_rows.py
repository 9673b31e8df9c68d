"""Key rows: keys as the pages of service accounts and of people see them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.urls import reverse

from accounts.held_keys import HeldKey, Named
from accounts.models import Team
from apikeys import resources
from apikeys.models import ApiKey

USE_DAYS = 14


def held(key: ApiKey, calls: int | None = None) -> HeldKey:
    """Return a key as other apps' pages show it; read it `with_status`."""
    return HeldKey(
        name=key.name,
        url=url_of(key.team, key.id),
        is_usable=key.is_usable,
        status_words=key.status_words,
        status_tone=key.status_tone,
        hint_parts=key.hint_parts,
        last_used_at=key.last_used_at,
        lives_in=key.lives_in,
        calls=calls,
    )


def named(key: ApiKey) -> Named:
    """Return a key as a message names it."""
    return Named(key.name, url_of(key.team, key.id))


def url_of(team: Team, key_id: UUID) -> str:
    """Return the address of a key's page."""
    return reverse("key_page", args=[team.slug, key_id])


def calls(keys: Sequence[ApiKey]) -> Mapping[UUID, int]:
    """Return how many calls of 14 days were let in or refused with each key."""
    days = resources.registry().days(keys, USE_DAYS)
    return {
        key_id: sum(day.let_in + day.refused for day in of_key) for key_id, of_key in days.items()
    }
