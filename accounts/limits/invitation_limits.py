"""Limits on invitations: how many links a team, a person and an address get in a day."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from accounts.models import Invitation, LinkPurpose, LinkToken, Team
from accounts.permissions import Actor

WINDOW = timedelta(days=1)
PER_TEAM, PER_PERSON, PER_ADDRESS = 100, 50, 5


class TooMany(Exception):
    """No more links today; the message says of what, in words for the page."""


def check(team: Team, by: Actor, email_keys: Iterable[str]) -> None:
    """Raise TooMany if one more link for each address would go over a limit.

    Call it under the team's lock: then two at once are counted one after another.
    """
    wanted = Counter(email_keys)
    since = timezone.now() - WINDOW
    recent = Invitation.objects.of(team).filter(link_made_at__gt=since)
    rows = {
        str(pk): (key, who) for pk, key, who in recent.values_list("pk", "email_key", "invited_by")
    }
    made = LinkToken.objects.filter(
        purpose=LinkPurpose.INVITATION, created_at__gt=since, bound_to__in=rows
    ).values_list("bound_to", flat=True)
    total, new = len(made), wanted.total()
    own = sum(str(rows[each][1]) == by.id for each in made)
    of_address = Counter(rows[each][0] for each in made) + wanted
    if any(of_address[key] > PER_ADDRESS for key in wanted):
        raise TooMany(f"An address gets at most {PER_ADDRESS} links a day. Try again tomorrow.")
    if by.kind == "person" and own + new > PER_PERSON:
        raise TooMany(f"You can make {PER_PERSON} links a day. Try again tomorrow.")
    if total + new > PER_TEAM:
        raise TooMany(f"A team can make {PER_TEAM} links a day. Try again tomorrow.")
