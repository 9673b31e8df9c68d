"""Off-boarding: what becomes of the keys and service accounts of somebody who leaves.

Removal, leaving and the choices for keys are one transaction, under the lock of the team's members.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit, held_keys
from accounts.held_keys import Choice, Choices, HeldKey, Named, Outcome, Sheet, UnknownChoice, Way
from accounts.models import Membership, ServiceAccount, Team, User
from accounts.models.service_accounts import ServiceAccountQuerySet
from accounts.permissions import Actor, Permission
from accounts.services import members, service_accounts

DETAILED = 50  # service accounts that the sheet shows
NAMED = 50  # keys that one audit row names
SILENT_WITHIN = timedelta(days=30)  # a text that is never silent ends then all the same
# How long an old text works, by what the page calls it. The team's key policy may shorten it.
OVERLAPS = {
    "none": timedelta(),
    "24-hours": timedelta(hours=24),
    "7-days": timedelta(days=7),
    "until-silent": SILENT_WITHIN,
}
ASKS = {
    Way.GIVE: Permission.APIKEYS_UPDATE,
    Way.ROTATE: Permission.APIKEYS_UPDATE,
    Way.ADVISED: Permission.APIKEYS_UPDATE,
    Way.REVOKE: Permission.APIKEYS_DELETE,
}


class Gone(Exception):
    """The person is not in the team any more."""


@dataclass(frozen=True, slots=True)
class Care:
    """A service account that a person is asked about, and its keys."""

    account: ServiceAccount
    keys: list[HeldKey]

    @property
    def last_used_at(self) -> datetime | None:
        """When the last call with one of its keys was let in."""
        return max((key.last_used_at for key in self.keys if key.last_used_at), default=None)


@dataclass(frozen=True, slots=True)
class Whole:
    """All that a person leaves behind in a team."""

    keys: Sheet
    accounts: list[Care] = field(default_factory=list)
    more_accounts: int = 0  # which are not shown, and stay as they are

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to choose."""
        return not self.keys.size.total and not self.accounts


def sheet(team: Team, user: User) -> Whole:
    """Return the keys that a person created, knows or looks after, and their service accounts."""
    registry = held_keys.registry()
    in_care = _in_care(team, user).order_by("name_key")
    accounts = list(in_care[:DETAILED])
    held = registry.of_accounts(accounts) if accounts else {}
    cares = [Care(account, held.get(account.id, [])) for account in accounts]
    more = in_care.count() - DETAILED if len(accounts) == DETAILED else 0
    return Whole(registry.sheet(team, user), cares, more)


def heirs(team: Team, user: User) -> "QuerySet[User]":
    """Return the members who can look after things in a person's place, by name."""
    others = User.objects.filter(memberships__team=team, is_active=True).exclude(pk=user.pk)
    return others.order_by("username")


@transaction.atomic
def remove(membership: Membership, choices: Choices, by: Actor) -> Outcome:
    """Carry out the choices and end a person's membership.

    Raises Gone and UnknownChoice, and what `members.remove` raises.
    """
    outcome = _carry_out(membership, choices, by)
    members.remove(membership, by)
    _name_newcomers(membership, outcome)
    return outcome


@transaction.atomic
def leave(membership: Membership, choices: Choices, by: Actor) -> tuple[Outcome, bool]:
    """Carry out the choices and end one's own membership.

    Return also whether there are others: the last one ends all sessions. Raises as `remove`.
    """
    outcome = _carry_out(membership, choices, by)
    has_others = members.leave(membership.team, membership.user, by)
    _name_newcomers(membership, outcome)
    return outcome, has_others


@transaction.atomic
def carry_out(membership: Membership, choices: Choices, by: Actor) -> Outcome:
    """Carry out the choices for a person who stays.

    Raises NotAllowed unless the actor may look after members, Gone and UnknownChoice.
    """
    members.role_of(members.lock(membership.team), by, Permission.MEMBERS_UPDATE)
    return _carry_out(membership, choices, by)


def _carry_out(membership: Membership, choices: Choices, by: Actor) -> Outcome:
    team = members.lock(membership.team)
    member = Membership.objects.filter(pk=membership.pk, team=team).select_related("user").first()
    if member is None:
        raise Gone
    _must_be_allowed(team, choices, by)
    _must_be_members(team, member.user, choices)
    # Locked before the first event, as the keys are.
    accounts = list(_in_care(team, member.user).select_for_update(no_key=True).order_by("pk"))
    _must_be_accounts(team, choices.accounts)
    outcome = held_keys.registry().carry_out(team, member.user, choices, by)
    for account in accounts:
        choice = choices.accounts.get(account.pk)
        if choice is not None and choice.way == Way.GIVE and choice.to is not None:
            service_accounts.give(account, choice.to, by)
    if choices.ways - {Way.KEEP} or outcome.kept_known:
        _record(member, outcome, by)
    return outcome


def _name_newcomers(member: Membership, outcome: Outcome) -> None:
    """Name the keys that the person came to know while the choices were carried out.

    Call it when the removal is recorded. From then on no text can be made by the person: whoever
    makes one is asked again once its audit row is written, and that waits for this transaction.
    """
    known = held_keys.registry().known(member.team, member.user)
    outcome.came_later += [key for key_id, key in known.items() if key_id not in outcome.asked]


def _must_be_allowed(team: Team, choices: Choices, by: Actor) -> None:
    wanted = {ASKS[way] for way in choices.ways if way in ASKS}
    if any(choice.way == Way.GIVE for choice in choices.accounts.values()):
        wanted.add(Permission.SERVICE_ACCOUNTS_UPDATE)
    if not wanted <= members.permissions_of(team, by):
        raise members.NotAllowed


def _must_be_members(team: Team, user: User, choices: Choices) -> None:
    """Raise UnknownChoice if something is given to nobody, or to someone who may not have it."""
    others = [choices.others] if choices.others else []
    every = [*choices.keys.values(), *others, *choices.accounts.values()]
    given = {choice.to for choice in every if choice.way == Way.GIVE}
    heirs_here = User.objects.filter(
        memberships__team=team, is_active=True, pk__in=[to.pk for to in given if to]
    ).exclude(pk=user.pk)
    if heirs_here.count() != len(given):
        raise UnknownChoice


def _must_be_accounts(team: Team, choices: Mapping[UUID, Choice]) -> None:
    known = ServiceAccount.objects.of(team).filter(pk__in=list(choices)).count()
    if known != len(choices):
        raise UnknownChoice


def _in_care(team: Team, user: User) -> ServiceAccountQuerySet:
    return ServiceAccount.objects.of(team).kept().filter(owner=user)


def _record(member: Membership, outcome: Outcome, by: Actor) -> None:
    done: dict[str, list[Named]] = {
        "rotated": outcome.rotated,
        "revoked": outcome.revoked,
        "given": outcome.given,
        "kept_known": outcome.kept_known,
        "came_later": outcome.came_later,
    }
    after: dict[str, object] = {}
    for name, keys in done.items():
        if keys:
            more = [f"and {len(keys) - NAMED} more"] if len(keys) > NAMED else []
            after[name] = [key.name for key in keys[:NAMED]] + more
    target = audit.Target("membership", str(member.pk), member.user.username)
    audit.record(member.team_id, "membership.off_board", by, target, after=after)
