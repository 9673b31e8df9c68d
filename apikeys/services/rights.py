"""Rights: whoever makes a key's text come into being holds every scope of that key.

A text comes into being when a key is created, issued, rotated, enabled again, or extended after
its end. Otherwise an editor could read the audit trail by a key that an admin made and disabled.
"""

from collections.abc import Iterable

from accounts.models import Team
from accounts.permissions import Actor, Permission, Principal, with_implied
from accounts.services import members
from accounts.services.members import NotAllowed

__all__ = ["NotAllowed", "check", "check_may_issue"]


def check_may_issue(principal: Principal, scopes: Iterable[str]) -> None:
    """Raise NotAllowed unless the principal holds all these scopes. For views, before they act.

    The answer is 403, which the middleware of pages notes in the audit trail.
    """
    _check(principal.permissions, scopes)


def check(team: Team, by: Actor, scopes: Iterable[str]) -> None:
    """Raise NotAllowed unless the actor holds all these scopes in the team now. For services."""
    _check(members.permissions_of(team, by), scopes)


def check_again(team: Team, by: Actor, scopes: Iterable[str]) -> None:
    """Check once more, after the audit row that tells of a new text.

    The row locks the head of the team's chain, as a removal does. So either the removal sees the
    text (`off_boarding`), or this sees that the actor was removed, and the text is rolled back.
    """
    check(team, by, scopes)


def _check(permissions: frozenset[Permission], scopes: Iterable[str]) -> None:
    lacking = with_implied(scopes) - permissions
    if lacking:
        raise NotAllowed(f"This asks for {', '.join(sorted(lacking))}.")
