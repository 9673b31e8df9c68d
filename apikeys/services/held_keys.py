"""The keys of service accounts, for the pages of service accounts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import Count, Min

from accounts.held_keys import ClosingResource, HeldKey
from accounts.models import ServiceAccount
from accounts.permissions import Actor
from apikeys import resources
from apikeys.models import ApiKey, ApiKeyQuerySet
from apikeys.services import keys


class AccountKeys:
    """Implements `accounts.held_keys.HeldKeys`."""

    def of_accounts(self, accounts: Iterable[ServiceAccount]) -> Mapping[UUID, list[HeldKey]]:
        """Return the keys of each account that are not deleted, by name."""
        held: defaultdict[UUID, list[HeldKey]] = defaultdict(list)
        for key in _kept().filter(service_account__in=list(accounts)):
            assert key.service_account_id is not None
            held[key.service_account_id].append(_held(key))
        return held

    def counts(self, accounts: Iterable[ServiceAccount]) -> Mapping[UUID, tuple[int, str]]:
        """Return how many keys each account has, and one's name. One without any is missing."""
        of_accounts = ApiKey.objects.kept().filter(service_account__in=list(accounts))
        rows = of_accounts.values("service_account").annotate(count=Count("*"), name=Min("name"))
        return {row["service_account"]: (row["count"], row["name"]) for row in rows.order_by()}

    def closing_without(self, account: ServiceAccount) -> list[ClosingResource]:
        """Return the resources that nobody can open once the account's keys are refused."""
        closing = resources.registry().closed_without(_kept().filter(service_account=account))
        return [ClosingResource(resource.name, resource.url) for resource in closing]

    def delete_all(self, account: ServiceAccount, by: Actor) -> None:
        """Delete every key of the account, in the transaction of the caller."""
        for key in _kept().filter(service_account=account):
            keys.delete(key, by)


def _kept() -> ApiKeyQuerySet:
    return ApiKey.objects.kept().with_status().order_by("name_key")


def _held(key: ApiKey) -> HeldKey:
    return HeldKey(key.name, key.is_usable, key.status_words, key.status_tone, key.hint_parts)
