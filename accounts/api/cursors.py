"""Cursors: where a page of a list ends, signed for its team and its list."""

from uuid import UUID

from django.core import signing

from accounts.api.faults import Invalid

MAX_LENGTH = 600  # characters


def make(team_id: UUID, of: str, place: str) -> str:
    """Return the text of a place in a list of a team; an empty place has an empty text."""
    return signing.dumps(place, salt=_salt(team_id, of), compress=False) if place else ""


def read(team_id: UUID, of: str, cursor: str) -> str:
    """Return the place that a cursor names. Raises Invalid for any text that is not such a one."""
    if not cursor:
        return ""
    if len(cursor) <= MAX_LENGTH:
        try:
            place = signing.loads(cursor, salt=_salt(team_id, of))
        except (signing.BadSignature, ValueError):
            place = None
        if isinstance(place, str):
            return place
    raise Invalid("This is no cursor of this list. Begin without one.", "cursor")


def _salt(team_id: UUID, of: str) -> str:
    return f"flowlatch.cursor.{of}.{team_id}"
