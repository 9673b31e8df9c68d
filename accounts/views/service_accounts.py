"""Service accounts: list, create, edit, disable, enable, delete."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Lower
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import held_keys
from accounts.audit import trail
from accounts.forms.base import posted, render_forms
from accounts.forms.picking import ServiceAccountField, accounts_of, offer
from accounts.forms.service_accounts import (
    DeleteServiceAccountForm,
    ServiceAccountChangeForm,
    ServiceAccountForm,
)
from accounts.guards import TeamRequest, team_view
from accounts.lists import listing
from accounts.login.ways_back import posted_from, to_list
from accounts.models import Environment, Membership, ServiceAccount
from accounts.models.names import fold
from accounts.permissions import Permission
from accounts.services import service_accounts
from accounts.services.versions import Stale

# The order of a status and of an environment is by name within it.
STATUS = Case(When(disabled_at=None, then=Value("0")), default=Value("1"))
COLUMNS = [
    listing.Column("Service account", "name", "name_key"),
    listing.Column("Status", "status", listing.within(STATUS, "name_key")),
    listing.Column("Environment", "environment", listing.within("environment", "name_key")),
    listing.Column("Keys"),
    listing.Column("Contact person", "contact", Coalesce(Lower("owner__username"), Value(""))),
    listing.ACTIONS,
]
STATUSES = listing.Filter(
    "status", "Status", [("", "Any status"), ("active", "Active"), ("disabled", "Disabled")]
)
ENVIRONMENTS = listing.Filter(
    "environment", "Environment", [("", "Any environment"), *Environment.choices]
)


@team_view(Permission.SERVICE_ACCOUNTS_VIEW)
@require_safe
def account_list(request: TeamRequest) -> HttpResponse:
    """Show the team's service accounts: environment, keys, whom to ask."""
    asked = listing.Asked(request, COLUMNS, [STATUSES, ENVIRONMENTS])
    rows = _kept(request)
    if asked.value("status"):
        rows = rows.filter(disabled_at__isnull=asked.value("status") == "active")
    if asked.value("environment"):
        rows = rows.filter(environment=asked.value("environment"))
    if asked.q:
        named = Q(name_key__contains=fold(asked.q)) | Q(description__icontains=asked.q)
        rows = rows.filter(named | Q(owner__username__icontains=asked.q))
    page = asked.page(rows, "service account")
    held = held_keys.registry().counts(page.rows)
    for account in page.rows:
        account.key_count, account.key_name = held.get(account.id, (0, ""))  # type: ignore[attr-defined]
    rows_template = "accounts/service_account_rows.html"
    return listing.draw(request, "accounts/service_accounts.html", rows_template, {"list": page})


@team_view(Permission.SERVICE_ACCOUNTS_VIEW)
@posted_from("service_account_list")
def account_names(request: TeamRequest) -> HttpResponse:
    """Offer the names of accounts that have in them what somebody types."""
    return offer(request, ServiceAccountField, accounts_of(request.team))


@team_view(Permission.SERVICE_ACCOUNTS_CREATE)
@require_http_methods(["GET", "HEAD", "POST"])
def account_new(request: TeamRequest) -> HttpResponse:
    """Make a service account, and go on to its page, where keys are made for it."""
    form = ServiceAccountForm(posted(request), team=request.team, initial={"owner": request.user})
    if form.is_valid():
        try:
            account = service_accounts.create(request.team, form.about, request.principal.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{account.name} is created. Now create a key for it.")
            return redirect("service_account_edit", request.team.slug, account.id)
    return _form_page(request, form, None)


@team_view(Permission.SERVICE_ACCOUNTS_VIEW)
@require_http_methods(["GET", "HEAD"])
def account_edit(request: TeamRequest, account_id: UUID) -> HttpResponse:
    """Show the description of a service account, and its keys."""
    account = _get(request, account_id)
    return _form_page(request, _drawn(request, account), account)


@team_view(Permission.SERVICE_ACCOUNTS_UPDATE)
@posted_from("service_account_edit")
def account_save(request: TeamRequest, account_id: UUID) -> HttpResponse:
    """Save the description of a service account."""
    account = _get(request, account_id)
    form = _drawn(request, account, request.POST)
    if form.is_valid():
        try:
            by, version = request.principal.actor, form.cleaned_data["version"]
            service_accounts.change(account, form.about, by, version=version)
        except Stale:
            account = _get(request, account_id)
            last = trail.latest_by(request.team.id, "service_account", account_id)
            form.refuse(_drawn(request, account), last, "this account")
        except ValidationError as error:
            form.add_error(None, error)
            account = _get(request, account_id)
        else:
            messages.success(request, f"{account.name} is saved.")
            return redirect("service_account_edit", request.team.slug, account_id)
    return _form_page(request, form, account)


@team_view(Permission.SERVICE_ACCOUNTS_UPDATE)
@posted_from("service_account_list")
def account_disable(request: TeamRequest, account_id: UUID) -> HttpResponseBase:
    """Refuse all keys of the account. Enabling it undoes that."""
    account = _get(request, account_id)
    service_accounts.disable(account, request.principal.actor)
    said = f"{account.name} is disabled. The next call with its keys is refused."
    undo = reverse("service_account_enable", args=[request.team.slug, account.id])
    messages.success(request, said, extra_tags=undo)
    return _back(request, account)


@team_view(Permission.SERVICE_ACCOUNTS_UPDATE, fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def account_enable(request: TeamRequest, account_id: UUID) -> HttpResponseBase:
    """Let the account's keys work again. This asks what enabling each of them asks.

    Opened, as after the password was asked for again, it leads to where the person was.
    """
    account = _get(request, account_id)
    if request.method != "POST":
        return to_list(request, *_places(request, account)[::-1])
    service_accounts.enable(account, request.principal.actor)
    messages.success(request, f"{account.name} is enabled again.")
    return _back(request, account)


@team_view(Permission.SERVICE_ACCOUNTS_DELETE)
@require_http_methods(["GET", "HEAD", "POST"])
def account_delete(request: TeamRequest, account_id: UUID) -> HttpResponse:
    """Show what would stop when the account is deleted, and delete it."""
    account = _get(request, account_id)
    form = DeleteServiceAccountForm(posted(request), account=account)
    if form.is_valid():
        service_accounts.delete(account, request.principal.actor)
        messages.success(request, f"{account.name} is deleted, and so are its keys.")
        return redirect("service_account_list", request.team.slug)
    context = {**_about_keys(account), "account": account, "form": form}
    return render_forms(request, "accounts/service_account_delete.html", context)


def _form_page(
    request: TeamRequest, form: ServiceAccountForm, account: ServiceAccount | None
) -> HttpResponse:
    context = {"form": form, "account": account, **(_about_keys(account) if account else {})}
    return render_forms(request, "accounts/service_account.html", context)


def _drawn(
    request: TeamRequest, account: ServiceAccount, data: QueryDict | None = None
) -> ServiceAccountChangeForm:
    names = ("name", "environment", "description", "owner")
    initial = {name: getattr(account, name) for name in names}
    version = service_accounts.version_of(account)
    return ServiceAccountChangeForm(data, team=request.team, initial=initial, version=version)


def _about_keys(account: ServiceAccount) -> dict[str, Any]:
    held = held_keys.registry()
    return {
        "keys": held.of_account(account),
        "closing": held.closing_without(account),
    }


def _places(request: TeamRequest, account: ServiceAccount) -> list[str]:
    """Return the list and the account's page: both have the buttons that disable and enable."""
    slug = request.team.slug
    page = reverse("service_account_edit", args=[slug, account.id])
    return [reverse("service_account_list", args=[slug]), page]


def _back(request: TeamRequest, account: ServiceAccount) -> HttpResponseBase:
    return to_list(request, *_places(request, account))


def _kept(request: TeamRequest) -> QuerySet[ServiceAccount]:
    is_member = Membership.objects.filter(team=request.team, user=OuterRef("owner"))
    kept = ServiceAccount.objects.of(request.team).kept().select_related("team", "owner")
    return kept.annotate(is_owner_member=Exists(is_member))


def _get(request: TeamRequest, account_id: UUID) -> ServiceAccount:
    return get_object_or_404(_kept(request), pk=account_id)
