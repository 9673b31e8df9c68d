"""Bounds of a key, checked alike when it is made and when it is changed: places, limits, contact.

Each function raises ValueError with words for the page. Who calls it names the field.
"""

from collections.abc import Callable, Sequence
from typing import Any

from accounts.models import Membership, Team, User
from accounts.network import addresses, origins

MAX_PLACES = 50  # networks or origins of one key


def networks(texts: Sequence[str]) -> list[str]:
    """Return networks, each once. Each has to be in its one spelling, and not every address."""
    return _places(texts, _network)


def web_pages(texts: Sequence[str]) -> list[str]:
    """Return origins, each once. Each has to be in its one spelling."""
    return _places(texts, origins.origin)


def noted(errors: dict[str, str], field: str, check: Callable[[], Any]) -> Any:
    """Return what a check returns, or note the words of its ValueError under a field."""
    try:
        return check()
    except ValueError as error:
        errors[field] = str(error)
        return None


def check_limit(limit: int | None, most: int | None) -> None:
    """Refuse a limit that is no number from 1 to `most`."""
    if limit is not None and (type(limit) is not int or not 1 <= limit <= (most or 0)):
        raise ValueError("A limit is a number from 1 on, or there is none.")


def check_contact(team: Team, contact: User) -> None:
    """Refuse a contact who is no active member of the team."""
    if not Membership.objects.filter(team=team, user=contact, user__is_active=True).exists():
        raise ValueError("This person is no member of the team.")


def _places(texts: Sequence[str], spelled: Callable[[str], str]) -> list[str]:
    if len(texts) > MAX_PLACES:
        raise ValueError(f"These are {len(texts)}. At most {MAX_PLACES} fit.")
    for text in texts:
        if spelled(text) != text:
            raise ValueError(f"Write {spelled(text)}.")
    return list(dict.fromkeys(texts))


def _network(text: str) -> str:
    found = addresses.network(text)
    if found.prefixlen == 0:
        raise ValueError("This is every address. Leave it out for that.")
    return str(found)
