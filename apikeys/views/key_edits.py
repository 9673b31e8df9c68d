"""Changes of one key: details, limits, where calls come from, scopes, chatflows."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.audit import trail
from accounts.forms.base import posted, render_forms
from accounts.forms.bounds import limits_of
from accounts.guards import shows_secret
from accounts.limits.too_many import TooMany
from accounts.network import addresses
from accounts.permissions import Permission
from accounts.services.versions import Stale
from apikeys.forms.details import DetailsForm, KeyForm, LimitsForm, ScopesForm, WhereForm
from apikeys.services import details
from apikeys.views.key_guard import KeyRequest, get_key, key_view
from apikeys.views.key_page import SHOWN_CHATFLOWS, key_context

MOST_CHOSEN = 2 * SHOWN_CHATFLOWS  # chatflows that one page shows
Save = Callable[[Any], object]
Make = Callable[[Any, Any], KeyForm]


@key_view(Permission.APIKEYS_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def key_edit_details(request: KeyRequest) -> HttpResponse:
    """Change name, note, contact, environment, account and reminder."""

    def save(form: DetailsForm) -> None:
        version = form.cleaned_data["version"]
        details.change(request.key, form.details, request.principal.actor, version=version)

    return _edit(request, DetailsForm, save, "Details")


@key_view(Permission.APIKEYS_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def key_edit_limits(request: KeyRequest) -> HttpResponse:
    """Change what the key may take."""

    def save(form: LimitsForm) -> None:
        limits, version = limits_of(form.cleaned_data), form.cleaned_data["version"]
        details.change_limits(request.key, limits, request.principal.actor, version=version)

    return _edit(request, LimitsForm, save, "Limits")


@key_view(Permission.APIKEYS_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def key_edit_where(request: KeyRequest) -> HttpResponse:
    """Change the networks and the web pages that calls may come from."""

    def save(form: WhereForm) -> None:
        values = form.cleaned_data
        details.change_where(
            request.key,
            values["networks"],
            values["origins"],
            request.principal.actor,
            version=values["version"],
        )
        if _is_outside(request.address, values["networks"]):
            messages.warning(
                request,
                f"You are at {request.address}, which is outside these networks: "
                "a call from here is refused.",
            )

    return _edit(request, WhereForm, save, "Where from")


@key_view(Permission.APIKEYS_UPDATE, fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def key_edit_scopes(request: KeyRequest) -> HttpResponse:
    """Change what the key may do. To add a scope, a person must hold all that the key holds."""

    def make(data: Any, key: Any) -> ScopesForm:
        return ScopesForm(data, key, held=request.principal.permissions)

    def save(form: ScopesForm) -> None:
        scopes, version = form.cleaned_data["scopes"], form.cleaned_data["version"]
        details.change_scopes(request.key, scopes, request.principal.actor, version=version)

    return _edit(request, make, save, "Scopes")


@key_view(Permission.APIKEYS_UPDATE, fresh_login=True)
@shows_secret
@require_http_methods(["GET", "HEAD", "POST"])
def key_chatflows(request: KeyRequest) -> HttpResponse:
    """Select the key for chatflows, and no longer for others. Opened, it leads to the page."""
    if not request.principal.may_do(Permission.CHATFLOWS_UPDATE):
        raise PermissionDenied(Permission.CHATFLOWS_UPDATE)
    page = reverse("key_page", args=[request.team.slug, request.key.id])
    if request.method != "POST":
        return redirect(f"{page}#opens")
    try:
        was, chosen = (_ids(request.POST.getlist(name)) for name in ("was", "opens"))
        changed = details.choose_chatflows(
            request.key, chosen - was, was - chosen, request.principal.actor
        )
    except ValidationError as error:
        context = {**key_context(request), "choose_error": error.messages[0]}
        return render(request, "apikeys/key.html", context, status=422)
    if changed:
        messages.success(request, "Chatflows are saved. Callers notice on the next call.")
    else:
        messages.info(request, "Nothing has changed.")
    return redirect(f"{page}#opens")


def _edit(request: KeyRequest, make: Make, save: Save, page_name: str) -> HttpResponse:
    form = make(posted(request), request.key)
    template = f"apikeys/edit_{page_name.split(maxsplit=1)[0].lower()}.html"
    context = {"form": form, "key": request.key, "page_name": page_name}
    if form.is_valid():
        try:
            save(form)
        except Stale:
            stored = make(None, get_key(request, request.key.id))
            by = trail.latest_by(request.team.id, "api_key", request.key.id)
            form.refuse(stored, by, "this key")
        except TooMany as error:
            form.add_error(None, str(error))
            return error.mark(render(request, template, context))
        except ValidationError as error:
            _add_errors(form, error)
        else:
            messages.success(request, "Saved. Callers notice on the next call.")
            return redirect("key_page", request.team.slug, request.key.id)
    return render_forms(request, template, context)


def _add_errors(form: KeyForm, error: ValidationError) -> None:
    by_field = getattr(error, "error_dict", {None: [error]})
    # That a name is taken is known to the row as a whole, which has no other such rule for forms.
    general = "name" if "name" in form.fields else None
    for field, errors in by_field.items():
        form.add_error(field if field in form.fields else general, errors)


def _is_outside(address: str, networks: list[str]) -> bool:
    here = addresses.parse(address)
    if not networks or here is None:
        return False
    return not any(here in addresses.network(text) for text in networks)


def _ids(texts: list[str]) -> frozenset[UUID]:
    if len(texts) > MOST_CHOSEN:
        raise ValidationError(f"At most {MOST_CHOSEN} chatflows can be changed at once.")
    try:
        return frozenset(UUID(text) for text in texts)
    except ValueError:
        raise ValidationError("One of these is no chatflow, so nothing is saved.") from None
