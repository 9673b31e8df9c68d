"""Recipients: who gets the mails about a key or about what a team has."""

from collections.abc import Iterable, Mapping

import structlog
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.mail import outbox
from accounts.models import Membership, Role, Team
from apikeys.models import ApiKey

log = structlog.get_logger("flowlatch.recipients")


def of_key(key: ApiKey) -> list[str]:
    """Return the addresses for mails about a key, the contact's first and each of them once.

    The contact is a member who is still in the team, or an address that was confirmed by a link.
    The team's owners and admins get every mail as well.
    """
    return _once([*_contact(key), *_admins(key.team)])


def of_team(team: Team) -> list[str]:
    """Return the addresses of the team's owners and admins, each of them once."""
    return _once(_admins(team))


def tell(kind: str, addresses: Iterable[str], context: Mapping[str, object], team: Team) -> None:
    """Queue one mail for each address, in the transaction of the caller.

    An address of old that no mail can go to is left out: it must not hold up the others' mails.
    """
    for address in addresses:
        try:
            outbox.queue(kind, address, context, team=team)
        except ValidationError:
            log.warning("mail not queued", kind=kind, team=team.slug)


def _contact(key: ApiKey) -> list[str]:
    if key.contact_id is not None:
        mine = _members(key.team).filter(user=key.contact_id)
        return list(mine.values_list("user__email", flat=True))
    is_confirmed = bool(key.contact_email) and key.contact_confirmed_at is not None
    return [key.contact_email] if is_confirmed else []


def _admins(team: Team) -> list[str]:
    found = _members(team).filter(role__in=(Role.OWNER, Role.ADMIN))
    return list(found.order_by("pk").values_list("user__email", flat=True))


def _members(team: Team) -> QuerySet[Membership]:
    return Membership.objects.filter(team=team, user__is_active=True)


def _once(addresses: Iterable[str]) -> list[str]:
    # Spellings that differ in case alone are one mailbox, as everywhere else.
    found: dict[str, str] = {}
    for address in addresses:
        found.setdefault(address.lower(), address)
    return list(found.values())
