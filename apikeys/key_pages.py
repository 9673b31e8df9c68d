"""Where the pages of keys are, for the places that name keys by their ids."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.urls import reverse

from apikeys.models import ApiKey


def urls(team_id: UUID, key_ids: Iterable[str | UUID]) -> Mapping[str, str]:
    """Return the address of each key's page. Ids of deleted or other teams' keys have none."""
    ids = [key_id for key_id in map(_uuid, key_ids) if key_id is not None]
    found = ApiKey.objects.filter(team_id=team_id, id__in=ids).kept()
    return {
        str(key_id): reverse("key_page", args=[slug, key_id])
        for key_id, slug in found.values_list("id", "team__slug")
    }


def _uuid(text: str | UUID) -> UUID | None:
    if isinstance(text, UUID):
        return text
    try:
        return UUID(text)
    except ValueError:
        return None
