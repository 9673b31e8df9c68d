"""Service accounts: create, change, disable, enable, delete. Each writes its audit row."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts import audit, held_keys
from accounts.models import ServiceAccount, Team, User
from accounts.permissions import Actor, with_implied
from accounts.services import members, versions
from accounts.services.members import NotAllowed


@dataclass(frozen=True, slots=True)
class About:
    """The description of a service account."""

    name: str
    environment: str
    description: str = ""
    owner: User | None = None


@transaction.atomic
def create(team: Team, about: About, by: Actor) -> ServiceAccount:
    """Make an account without keys.

    Raises ValidationError for a name that is taken, empty or too long, and for an unknown
    environment.
    """
    account = ServiceAccount(team=team)
    _fill(account, about)
    account.store(force_insert=True)
    audit.record(team.id, "service_account.create", by, _target(account), after=_facts(account))
    return account


def version_of(account: ServiceAccount) -> str:
    """Return the version of the description."""
    return versions.of(_facts(account))


@transaction.atomic
def change(account: ServiceAccount, about: About, by: Actor, *, version: str | None = None) -> None:
    """Change the description. The account's keys stay as they are.

    Raises Stale if `version` is an older one, and ValidationError as `create`.
    """
    before = _facts(_locked(account))
    versions.check(version, before)
    _fill(account, about)
    after = _facts(account)
    if after == before:
        return
    account.store(update_fields=["name", "name_key", "environment", "description", "owner"])
    audit.record(
        account.team_id,
        "service_account.update",
        by,
        _target(account),
        before=before,
        after=after,
    )


@transaction.atomic
def give(account: ServiceAccount, to: User, by: Actor) -> None:
    """Give the account into the care of another person, who is asked about it from now on."""
    before = _locked(account).owner
    if before == to:
        return
    account.owner = to
    account.save(update_fields=["owner"])
    audit.record(
        account.team_id,
        "service_account.give",
        by,
        _target(account),
        before={"owner": before.username if before else None},
        after={"owner": to.username},
    )


@transaction.atomic
def disable(account: ServiceAccount, by: Actor) -> None:
    """Refuse all keys of the account from the next call on, until it is enabled."""
    if _locked(account).disabled_at is None:
        account.disabled_at = timezone.now()
        account.save(update_fields=["disabled_at"])
        audit.record(account.team_id, "service_account.disable", by, _target(account))


@transaction.atomic
def enable(account: ServiceAccount, by: Actor) -> None:
    """Let the account's keys work again. Keys that were disabled by themselves stay disabled.

    Raises NotAllowed unless the actor holds all scopes of the keys that work again, as enabling
    each of them would.
    """
    if _locked(account).disabled_at is not None:
        waking = with_implied(held_keys.registry().waking_scopes(account))
        if lacking := waking - members.permissions_of(account.team, by):
            raise NotAllowed(f"This asks for {', '.join(sorted(lacking))}.")
        account.disabled_at = None
        account.save(update_fields=["disabled_at"])
        audit.record(account.team_id, "service_account.enable", by, _target(account))


@transaction.atomic
def delete(account: ServiceAccount, by: Actor) -> None:
    """Delete the account and all its keys for good. Records keep the names."""
    locked = _locked(account)
    if locked.deleted_at is not None:
        return
    held_keys.registry().delete_all(locked, by)
    account.deleted_at = timezone.now()
    account.save(update_fields=["deleted_at"])
    audit.record(
        account.team_id, "service_account.delete", by, _target(account), before=_facts(account)
    )


def _locked(account: ServiceAccount) -> ServiceAccount:
    return ServiceAccount.objects.of(account.team).select_for_update(no_key=True).get(pk=account.pk)


def _fill(account: ServiceAccount, about: About) -> None:
    account.name = about.name.strip()
    account.environment = about.environment
    account.description = about.description.strip()
    account.owner = about.owner


def _target(account: ServiceAccount) -> audit.Target:
    return audit.Target("service_account", str(account.pk), account.name)


def _facts(account: ServiceAccount) -> dict[str, object]:
    return {
        "name": account.name,
        "environment": str(account.environment),
        "description": account.description,
        "owner": account.owner.username if account.owner else None,
    }
