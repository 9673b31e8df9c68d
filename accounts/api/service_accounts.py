"""Operations on service accounts: list, create, get, update, delete."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpResponse
from ninja import Router
from pydantic import Field

from accounts.api import idempotency
from accounts.api.faults import Invalid, Missing
from accounts.api.fields import Flag, Text
from accounts.api.lists import Cursor, Limit, listed
from accounts.api.names import in_words_of_bodies
from accounts.api.operations import ApiRequest, ApiSchema, View, operation
from accounts.models import Environment, Membership, ServiceAccount, Team, User
from accounts.permissions import Permission
from accounts.services import service_accounts
from accounts.services.service_accounts import About

router = Router()
ONE = "/service-accounts/{uuid:account_id}"


class AccountBody(ApiSchema):
    """What is said of a service account. What is left out stays."""

    name: Text | None = None
    environment: Literal["development", "staging", "production"] | None = None
    description: Text | None = None
    owner: Annotated[str, Field(max_length=254)] | None = Field(
        default=None, description="The member to ask about it, by name or e-mail."
    )


class AccountChange(AccountBody):
    """What to change of a service account."""

    disabled: Flag | None = Field(default=None, description="Disabled: all its keys are refused.")


class Account(ApiSchema):
    """A machine identity of the team."""

    id: UUID
    name: str
    environment: Environment
    description: str
    owner: str | None
    disabled: bool
    created_at: datetime


class AccountPage(ApiSchema):
    """Some service accounts."""

    data: list[Account]
    next_cursor: str | None


ACCOUNT = {
    "id": "0198c2f4-9999-4d5e-8f90-abcdef123456",
    "name": "production-crm-sync",
    "environment": "production",
    "description": "Copies answers into the CRM",
    "owner": "adam",
    "disabled": False,
    "created_at": "2026-11-27T10:00:00Z",
}


@operation(
    router,
    "GET",
    "/service-accounts",
    name="listServiceAccounts",
    summary="List service accounts",
    scope=Permission.SERVICE_ACCOUNTS_VIEW,
    response={200: AccountPage},
    example={"data": [ACCOUNT], "next_cursor": None},
)
def list_accounts(
    request: ApiRequest, response: HttpResponse, cursor: Cursor = "", limit: Limit = 50
) -> AccountPage:
    """List the service accounts of the team."""
    rows = ServiceAccount.objects.of(request.principal.team).kept().select_related("owner")
    found, following = listed(
        request, response, "service-accounts", rows, cursor=cursor, limit=limit
    )
    return AccountPage(data=[_shown(each) for each in found], next_cursor=following)


@operation(
    router,
    "POST",
    "/service-accounts",
    name="createServiceAccount",
    summary="Create a service account",
    scope=Permission.SERVICE_ACCOUNTS_CREATE,
    response={201: Account},
    example=ACCOUNT,
    takes_body={"name": "production-crm-sync", "environment": "production"},
)
@idempotency.once("/service-accounts")
def create(request: ApiRequest, response: HttpResponse, body: AccountBody) -> Account:
    """Create a service account without keys."""
    team = request.principal.team
    if body.name is None:
        raise ValidationError({"name": "This field is needed."})
    about = _about(team, About(body.name, Environment.PRODUCTION), body)
    with in_words_of_bodies():
        made = service_accounts.create(team, about, request.principal.actor)
    return _shown(made)


@operation(
    router,
    "GET",
    ONE,
    name="getServiceAccount",
    summary="Get a service account",
    scope=Permission.SERVICE_ACCOUNTS_VIEW,
    response={200: Account},
    example=ACCOUNT,
)
def get(request: ApiRequest, account_id: UUID) -> Account:
    """Return a service account of the team."""
    return _shown(find(request, account_id))


def _update(name: str, method: str) -> Callable[[View], View]:
    return operation(
        router,
        method,
        ONE,
        name=name,
        summary="Update a service account",
        scope=Permission.SERVICE_ACCOUNTS_UPDATE,
        response={200: Account},
        errors=(PermissionDenied,),
        example=ACCOUNT,
        takes_body={"disabled": True},
    )


@_update("updateServiceAccount", "PATCH")
@_update("replaceServiceAccount", "PUT")
def update(request: ApiRequest, account_id: UUID, body: AccountChange) -> Account:
    """Change what the body names; all else stays, with PUT too.

    To enable an account the caller must hold the scopes of its keys, which work again by it.
    """
    account, by = find(request, account_id), request.principal.actor
    present = About(account.name, account.environment, account.description, account.owner)
    about = _about(request.principal.team, present, body)
    with transaction.atomic(), in_words_of_bodies():
        service_accounts.change(account, about, by)
        if body.disabled is not None:
            (service_accounts.disable if body.disabled else service_accounts.enable)(account, by)
    return _shown(find(request, account_id))


@operation(
    router,
    "DELETE",
    ONE,
    name="deleteServiceAccount",
    summary="Delete a service account",
    scope=Permission.SERVICE_ACCOUNTS_DELETE,
    response={204: None},
)
def delete(request: ApiRequest, account_id: UUID) -> None:
    """Delete a service account and all its keys for good. Their next call is refused."""
    service_accounts.delete(find(request, account_id), request.principal.actor)


def find(request: ApiRequest, account_id: UUID) -> ServiceAccount:
    """Return a service account of the caller's team. Raises Missing for any other."""
    kept = ServiceAccount.objects.of(request.principal.team).kept()
    account = kept.select_related("team", "owner").filter(pk=account_id).first()
    if account is None:
        raise Missing
    return account


def _about(team: Team, present: About, body: AccountBody) -> About:
    said: dict[str, Any] = {}
    for name in ("name", "environment", "description"):
        if (value := getattr(body, name)) is not None:
            said[name] = value
    if "owner" in body.model_fields_set:
        said["owner"] = _owner(team, body.owner)
    return replace(present, **said)


def _owner(team: Team, text: str | None) -> User | None:
    if not text:
        return None
    members = Membership.objects.filter(team=team, user__is_active=True).select_related("user")
    found = members.filter(user__username__iexact=text).first()
    found = found or members.filter(user__email__iexact=text).first()
    if found is None:
        raise Invalid("The team has no such member.", "owner")
    return found.user


def _shown(account: ServiceAccount) -> Account:
    return Account(
        id=account.id,
        name=account.name,
        environment=Environment(account.environment),
        description=account.description,
        owner=account.owner.username if account.owner else None,
        disabled=account.disabled_at is not None,
        created_at=account.created_at,
    )
