"""New API key: the page with its form. The answer shows the text, or a link to it, once."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.forms.base import posted, render_forms
from accounts.forms.picking import accounts_of
from accounts.guards import TeamRequest, shows_secret, team_view
from accounts.models import ServiceAccount, Team
from accounts.permissions import Actor, Permission
from apikeys import searches
from apikeys.forms.hand_overs import link_of
from apikeys.forms.new_key import NewKeyForm
from apikeys.services import keys, rights
from apikeys.services.life import hand_overs
from apikeys.services.terms import Terms
from apikeys.views.keys import link_shown, shown_once


@team_view(Permission.APIKEYS_CREATE, fresh_login=True)
@shows_secret
@sensitive_post_parameters("passphrase")
@require_http_methods(["GET", "HEAD", "POST"])
def key_new(request: TeamRequest) -> HttpResponse:
    """Make a key. The answer shows its text or the link for its holder, once."""
    find = request.POST.get("find", "")
    form = NewKeyForm(
        None if find else posted(request),
        principal=request.principal,
        address=request.address,
        find=searches.searchable(request.POST.get(find, "")) or "",
        initial=_typed(request) if find else _at_first(request),
    )
    if form.is_valid():
        rights.check_may_issue(request.principal, form.cleaned_data["scopes"])
        terms: Terms = {**form.terms, "created_by": request.user}
        try:
            if form.is_by_link:
                return _handed_over(request, form, terms)
            key, text = keys.add(*_asked(request, form), opens=form.cleaned_data["opens"], **terms)
        except ValidationError as error:
            form.note(error)
        else:
            return shown_once(request, key, text)
    return render_forms(request, "apikeys/new.html", {"form": form})


def _at_first(request: TeamRequest) -> dict[str, Any]:
    """Return what the form begins with."""
    return {
        "opens": request.GET.getlist("chatflow"),
        "service_account": _account_of(request),
        "contact": request.user,
    }


def _typed(request: TeamRequest) -> dict[str, Any]:
    """Return what was typed so far, for a page whose search for chatflows was sent."""
    values = {name: request.POST.getlist(name) for name in ("opens", "scopes")}
    return {**request.POST.dict(), **values}


def _account_of(request: TeamRequest) -> ServiceAccount | None:
    """Return the service account whose page led here."""
    try:
        wanted = UUID(request.GET.get("service_account", ""))
    except ValueError:
        return None
    return accounts_of(request.team).filter(pk=wanted).first()


def _asked(request: TeamRequest, form: NewKeyForm) -> tuple[Team, str, Actor]:
    return request.team, form.cleaned_data["name"], request.principal.actor


@sensitive_variables("token")
def _handed_over(request: TeamRequest, form: NewKeyForm, terms: Terms) -> HttpResponse:
    """Make the key without a text, and the link by which its holder makes the text."""
    with transaction.atomic():
        key = keys.prepare(*_asked(request, form), opens=form.cleaned_data["opens"], **terms)
        made, token = hand_overs.make(key, request.principal.actor, **link_of(form.cleaned_data))
    return link_shown(request, made, token)
