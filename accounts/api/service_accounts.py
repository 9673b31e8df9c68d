"""Operations on service accounts: list, create, get, update, delete."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from accounts.api import etags, idempotency
from accounts.api.faults import Changed, Invalid, Missing
from accounts.api.fields import Flag, Text
from accounts.api.lists import Paging, listed
from accounts.api.names import in_words_of_bodies
from accounts.api.operations import ApiRequest, ApiSchema, View, operation
from accounts.models import Environment, ServiceAccount, Team, User
from accounts.permissions import Permission
from accounts.services import members, service_accounts
from accounts.services.service_accounts import About

router = Router()
ONE = "/service-accounts/{uuid:account_id}"


class AccountBody(ApiSchema):
    """What is said of a service account. What is left out stays."""

    name: Text | None = None
    environment: Literal["development", "staging", "production"] | None = None
    description: Text | None = None
    owner: Annotated[str, Field(max_length=254)] | None = Field(
        default=None, description="The member to ask about it, by username."
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
    request: ApiRequest, response: HttpResponse, paging: Query[Paging]
) -> AccountPage:
    """List the service accounts of the team."""
    rows = ServiceAccount.objects.of(request.principal.team).kept().select_related("owner")
    found, following = listed(request, response, "service-accounts", rows, paging)
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
    return _answer(response, made)


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
def get(request: ApiRequest, response: HttpResponse, account_id: UUID) -> Account:
    """Return a service account of the team."""
    return _answer(response, find(request, account_id))


def _update(name: str, method: str) -> Callable[[View], View]:
    return operation(
        router,
        method,
        ONE,
        name=name,
        summary="Update a service account",
        scope=Permission.SERVICE_ACCOUNTS_UPDATE,
        response={200: Account},
        errors=(PermissionDenied, Changed),
        example=ACCOUNT,
        takes_body={"disabled": True},
    )


@_update("updateServiceAccount", "PATCH")
@_update("replaceServiceAccount", "PUT")
def update(
    request: ApiRequest, response: HttpResponse, account_id: UUID, body: AccountChange
) -> Account:
    """Change what the body names; all else stays, with PUT too.

    To enable an account the caller must hold the scopes of its keys, which work again by it.
    """
    by = request.principal.actor
    with transaction.atomic(), in_words_of_bodies():
        account = _held(request, account_id)
        present = About(account.name, account.environment, account.description, account.owner)
        service_accounts.change(account, _about(request.principal.team, present, body), by)
        if body.disabled is not None:
            (service_accounts.disable if body.disabled else service_accounts.enable)(account, by)
    return _answer(response, find(request, account_id))


@operation(
    router,
    "DELETE",
    ONE,
    name="deleteServiceAccount",
    summary="Delete a service account",
    scope=Permission.SERVICE_ACCOUNTS_DELETE,
    response={204: None},
    errors=(Changed,),
)
def delete(request: ApiRequest, account_id: UUID) -> None:
    """Delete a service account and all its keys for good. Their next call is refused."""
    with transaction.atomic():
        service_accounts.delete(_held(request, account_id), request.principal.actor)


def find(request: ApiRequest, account_id: UUID) -> ServiceAccount:
    """Return a service account of the caller's team. Raises Missing for any other."""
    kept = ServiceAccount.objects.of(request.principal.team).kept()
    account = kept.select_related("team", "owner").filter(pk=account_id).first()
    if account is None:
        raise Missing
    return account


def _held(request: ApiRequest, account_id: UUID) -> ServiceAccount:
    """Return a service account, locked, as the caller has read it. Raises Missing and Changed."""
    found = find(request, account_id)
    ServiceAccount.objects.select_for_update(no_key=True).filter(pk=found.pk).first()
    account = find(request, account_id)  # as it is now that nobody else can change it
    etags.check(request, etags.of_shown(_shown(account)))
    return account


def _answer(response: HttpResponse, account: ServiceAccount) -> Account:
    shown = _shown(account)
    etags.mark(response, etags.of_shown(shown))
    return shown


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
    # By name alone: an e-mail that answers with a name would tell whose it is.
    found = members.named(team, text)
    if found is None:
        raise Invalid("The team has no such member.", "owner")
    return found


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
