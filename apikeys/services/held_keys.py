"""The keys of service accounts and of people, for their pages."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import Count, Min

from accounts.held_keys import Choices, ClosingResource, HeldKey, Named, Outcome, Sheet, SheetSize
from accounts.models import ServiceAccount, Team, User
from accounts.permissions import Actor, Permission
from apikeys import resources
from apikeys.models import ApiKey, ApiKeyQuerySet
from apikeys.services import key_rows, keys, off_boarding


class HeldApiKeys:
    """Implements `accounts.held_keys.HeldKeys`."""

    def permissions_of(self, team: Team, key_id: str) -> frozenset[Permission]:
        """Return the scopes of a key of the team while it works, none of any other."""
        # For whoever asks again in the transaction of a change: the key may be gone by now.
        scopes = ApiKey.objects.of(team).usable().filter(pk=key_id).values_list("scopes", flat=True)
        return frozenset(Permission(scope) for held in scopes for scope in held)

    def of_accounts(self, accounts: Iterable[ServiceAccount]) -> Mapping[UUID, list[HeldKey]]:
        """Return the keys of each account that are not deleted, by name."""
        held: defaultdict[UUID, list[HeldKey]] = defaultdict(list)
        for key in _kept().filter(service_account__in=list(accounts)):
            assert key.service_account_id is not None
            held[key.service_account_id].append(key_rows.held(key))
        return held

    def of_account(self, account: ServiceAccount) -> list[HeldKey]:
        """Return the keys of one account with their calls of 14 days, by name."""
        found = list(_kept().filter(service_account=account))
        calls = key_rows.calls(found)
        return [key_rows.held(key, calls.get(key.id, 0)) for key in found]

    def stopping(self, team: Team, days: int) -> tuple[int, int]:
        """Return how many keys of a team work, and the calls of the last days to its chatflows."""
        usable = ApiKey.objects.of(team).usable().count()
        return usable, resources.registry().calls_of_team(team, days)

    def counts(self, accounts: Iterable[ServiceAccount]) -> Mapping[UUID, tuple[int, str]]:
        """Return how many keys each account has, and one's name. One without any is missing."""
        of_accounts = ApiKey.objects.kept().filter(service_account__in=list(accounts))
        rows = of_accounts.values("service_account").annotate(count=Count("*"), name=Min("name"))
        return {row["service_account"]: (row["count"], row["name"]) for row in rows.order_by()}

    def closing_without(self, account: ServiceAccount) -> list[ClosingResource]:
        """Return the resources that nobody can open once the account's keys are refused."""
        closing = resources.registry().closed_without(_kept().filter(service_account=account))
        return [ClosingResource(resource.name, resource.url) for resource in closing]

    def waking_scopes(self, account: ServiceAccount) -> frozenset[str]:
        """Return every scope of the keys that work again once the account is enabled."""
        held = ApiKey.objects.kept().filter(service_account=account, disabled_at=None)
        return frozenset(scope for key in held.only("scopes") for scope in key.scopes)

    def delete_all(self, account: ServiceAccount, by: Actor) -> None:
        """Delete every key of the account, in the transaction of the caller."""
        keys.delete_all(_kept().filter(service_account=account), by)

    def sheet_size(self, team: Team, user: User) -> SheetSize:
        """Return how many keys of a team a person created, knows or looks after."""
        return off_boarding.size(team, user)

    def sheet(self, team: Team, user: User) -> Sheet:
        """Return the keys of a team that a person created, knows or looks after."""
        return off_boarding.sheet(team, user)

    def carry_out(self, team: Team, user: User, choices: Choices, by: Actor) -> Outcome:
        """Do what was chosen on a person's sheet, in the transaction of the caller."""
        return off_boarding.carry_out(team, user, choices, by)

    def known(self, team: Team, user: User) -> Mapping[UUID, Named]:
        """Return the keys of a team with a text that a person knows."""
        return off_boarding.known(team, user)


def _kept() -> ApiKeyQuerySet:
    return ApiKey.objects.kept().with_status().order_by("name_key")
