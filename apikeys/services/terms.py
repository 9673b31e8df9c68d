"""Terms of a new key: what it may do, from where, how often and until when, checked as a whole."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.bounds import MOST, NO_LIMITS, Limits
from accounts.models import Environment, ServiceAccount, Team, User
from apikeys import resources, scopes
from apikeys.models import Kind
from apikeys.services import bounds
from apikeys.services.life import policies

Errors = dict[str, str]


class Terms(TypedDict, total=False):
    """What can be said of a new key beside its name. What is left out is not asked for."""

    kind: str
    scopes: Iterable[str]
    expires_at: datetime | None
    created_by: User | None
    service_account: ServiceAccount | None
    environment: str  # with a service account, that of the account counts
    contact: User | None
    note: str
    pinned_to: UUID | None  # the one chatflow of a publishable key
    networks: Sequence[str]
    origins: Sequence[str]
    limits: Limits


def checked(team: Team, terms: Terms) -> dict[str, Any]:
    """Return the columns of a key with these terms.

    Raises ValidationError that names the fields: unknown scopes, or those that the key policy
    forbids; an end that is over or that the policy does not allow; networks and origins that are
    not in their one spelling; limits outside their range; a contact who is no member; a service
    account or a chatflow that the team does not have; and a publishable key without its chatflow,
    origins and a limit a minute or a day.
    """
    errors: Errors = {}
    values: dict[str, Any] = {"scopes": list(scopes.DEFAULT_SCOPES), **terms}
    values["kind"] = bounds.noted(
        errors, "kind", lambda: Kind(values.get("kind", Kind.SECRET)).value
    )
    values["scopes"] = bounds.noted(errors, "scopes", lambda: _scopes(team, values["scopes"]))
    listed = {name: values.get(name, ()) for name in ("networks", "origins")}
    values["networks"] = bounds.noted(
        errors, "networks", lambda: bounds.networks(listed["networks"])
    )
    values["origins"] = bounds.noted(errors, "origins", lambda: bounds.web_pages(listed["origins"]))
    limits = values.pop("limits", NO_LIMITS)
    bounds.noted(errors, "limits", lambda: _check_limits(limits))
    bounds.noted(errors, "expires_at", lambda: _check_end(team, values.get("expires_at")))
    contact = values.get("contact")
    if contact is not None:
        bounds.noted(errors, "contact", lambda: bounds.check_contact(team, contact))
    account = values.get("service_account")
    if account is not None:
        values["service_account"] = bounds.noted(
            errors, "service_account", lambda: _kept(team, account)
        )
    if values["kind"] == Kind.PUBLISHABLE:
        _check_publishable(team, values, limits, errors)
    elif values.get("pinned_to") is not None:
        errors["pinned_to"] = "Only a publishable key is pinned to a chatflow."
    if errors:
        raise ValidationError(dict(errors))
    if account is not None:
        values["environment"] = values["service_account"].environment
    return {"environment": Environment.PRODUCTION, **values, "limits": limits}


def lacking(pinned_to: UUID | None, origins: Sequence[str] | None, limits: Limits) -> Errors:
    """Return what a publishable key lacks, in words by field."""
    found: Errors = {}
    if pinned_to is None:
        found["pinned_to"] = "Choose the one chatflow that it opens."
    if not origins:
        found["origins"] = "List the web pages that may use it."
    if limits.minute is None and limits.day is None:
        found["limits"] = "A publishable key needs a limit a minute or a day."
    return found


def _scopes(team: Team, texts: Iterable[str]) -> list[str]:
    wanted = scopes.read(texts)
    if said := policies.why_not_scopes(team, wanted):
        raise ValueError(said)
    return sorted(scope.value for scope in wanted)


def _check_limits(limits: Limits) -> None:
    for limit, most in zip(limits, MOST, strict=True):
        bounds.check_limit(limit, most)


def _check_end(team: Team, expires_at: datetime | None) -> None:
    now = timezone.now()
    if expires_at is not None and expires_at <= now:
        raise ValueError("This moment is over. Choose a later one.")
    if said := policies.why_not_end(team, expires_at, now):
        raise ValueError(said)


def _kept(team: Team, account: ServiceAccount) -> ServiceAccount:
    # Locked, so that it can't be deleted between this look and the key's birth.
    of_team = ServiceAccount.objects.of(team).kept().select_for_update(no_key=True)
    kept = of_team.filter(pk=account.pk).first()
    if kept is None:
        raise ValueError("This service account is gone.")
    return kept


def _check_publishable(team: Team, values: dict[str, Any], limits: Limits, errors: Errors) -> None:
    pinned = values.get("pinned_to")
    for field, words in lacking(pinned, values["origins"], limits).items():
        errors.setdefault(field, words)
    if pinned is not None and not resources.registry().by_ids(team, [pinned]):
        errors["pinned_to"] = "This chatflow is gone."
    if values["scopes"] not in (None, [scope.value for scope in scopes.DEFAULT_SCOPES]):
        errors["scopes"] = "A publishable key only asks: it holds predictions:create alone."
