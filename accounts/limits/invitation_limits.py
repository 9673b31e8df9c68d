"""Limits on invitations: how many links a team, a person and an address get in a day."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from accounts.limits.too_many import TooMany
from accounts.models import Invitation, LinkPurpose, LinkToken, Team
from accounts.permissions import Actor

WINDOW = timedelta(days=1)
PER_TEAM, PER_PERSON, PER_ADDRESS = 100, 50, 5


class _Link(NamedTuple):
    """A link that was made lately: when, for which address, and by whom."""

    made_at: datetime
    email_key: str
    invited_by: str  # the id of a person or key


def check(team: Team, by: Actor, email_keys: Iterable[str]) -> None:
    """Raise TooMany if one more link for each address would go over a limit.

    Call it under the team's lock: then two calls at once are counted one after another.
    """
    wanted = Counter(email_keys)
    now = timezone.now()
    recent = Invitation.objects.of(team).filter(link_made_at__gt=now - WINDOW)
    rows = {
        str(pk): (key, str(person or by_key))
        for pk, key, person, by_key in recent.values_list("pk", "email_key", "invited_by", "key_id")
    }
    made = LinkToken.objects.made_within(WINDOW, now).filter(
        purpose=LinkPurpose.INVITATION, bound_to__in=rows
    )
    links = [
        _Link(at, *rows[pk])
        for pk, at in made.order_by("created_at").values_list("bound_to", "created_at")
    ]
    of_address = Counter(link.email_key for link in links) + wanted
    if full := [key for key in wanted if of_address[key] > PER_ADDRESS]:
        to_full = [link for link in links if link.email_key in full]
        words = f"An address gets at most {PER_ADDRESS} links a day. Try again tomorrow."
        raise TooMany(_wait(to_full, now), words)
    own = [link for link in links if link.invited_by == by.id]
    if by.kind in ("person", "key") and len(own) + wanted.total() > PER_PERSON:
        words = f"You can make {PER_PERSON} links a day. Try again tomorrow."
        raise TooMany(_wait(own, now), words)
    if len(links) + wanted.total() > PER_TEAM:
        words = f"A team can make {PER_TEAM} links a day. Try again tomorrow."
        raise TooMany(_wait(links, now), words)


def _wait(links: Sequence[_Link], now: datetime) -> timedelta:
    """Return how long until the oldest link no longer counts, or a day if no link counts yet."""
    return links[0].made_at + WINDOW - now if links else WINDOW
