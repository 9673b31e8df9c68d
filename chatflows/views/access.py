"""Access: who may call a chatflow, how much and from where, and its last calls."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts import money
from accounts.audit import trail
from accounts.bounds import NO_LIMITS
from accounts.forms.base import searched
from accounts.guards import TeamRequest
from accounts.login.ways_back import posted_from
from accounts.network import addresses
from accounts.permissions import Permission
from accounts.services.versions import Stale
from apikeys import searches
from chatflows import snippets
from chatflows.calls import usage
from chatflows.forms.access import AccessForm
from chatflows.models import Chatflow
from chatflows.permissions import permission_for
from chatflows.services import chatflows, examples, key_picker
from chatflows.views.calls import last_calls
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view, get_chatflow

SAVED = "Access is saved. Callers notice on the next call."


@chatflow_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_access(request: ChatflowRequest) -> HttpResponse:
    """Show the page: mode, keys, limits, code to paste, last calls."""
    q = searched(request)
    if not searches.is_kept(q):
        return _searched(request, q)
    form = AccessForm(chatflow=request.chatflow)
    return render(request, "chatflows/access.html", _context(request, request.chatflow, form))


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_access")
def chatflow_access_save(request: ChatflowRequest) -> HttpResponse:
    """Save the access, from the next call on."""
    form = AccessForm(request.POST, chatflow=request.chatflow)
    if not form.is_valid():
        return _page(request, _context(request, request.chatflow, form), 422)
    access, version = form.access, form.cleaned_data["version"]
    try:
        chatflows.save_access(request.chatflow, access, request.principal.actor, version=version)
    except Stale:
        return _stale(request, access)
    if not request.htmx:
        messages.success(request, SAVED)
        return redirect("chatflow_access", request.team.slug, request.chatflow.id)
    saved = get_chatflow(request, request.chatflow.id)
    context = _context(request, saved, AccessForm(chatflow=saved))
    return _page(request, {**context, "saved": SAVED}, 200)


@chatflow_view(Permission.CHATFLOWS_VIEW)
@sensitive_post_parameters("q")
@posted_from("chatflow_access")
def chatflow_access_keys(request: ChatflowRequest) -> HttpResponse:
    """Search keys for the picker, as a fragment; without a script, on the page drawn anew."""
    q = request.POST.get("q", "")
    if not request.htmx:
        return _searched(request, q)
    picker = key_picker.pick(request.chatflow, q)
    may_edit = request.principal.may_do(permission_for(request.chatflow, "update"))
    context = {"chatflow": request.chatflow, "picker": picker, "may_edit": may_edit}
    return render(request, "chatflows/key_picker_found.html", context)


def _searched(request: ChatflowRequest, text: str) -> HttpResponse:
    """Redirect to the page with what may be kept of a search."""
    page = reverse("chatflow_access", args=[request.team.slug, request.chatflow.id])
    return redirect(page + searches.query(request, text, "q"))


def _stale(request: ChatflowRequest, access: chatflows.Access) -> HttpResponse:
    """Show what was typed, and where the access differs from it that someone saved meanwhile."""
    saved = get_chatflow(request, request.chatflow.id)
    before, after = chatflows.differences(saved, access)
    data = request.POST.copy()
    data["version"] = str(saved.version)  # to save again is to put it in place of theirs
    form = AccessForm(data, chatflow=saved)
    form.is_valid()
    difference = SimpleNamespace(before=after, after=before)
    context = {
        "stale": difference,
        "changed_by": trail.latest_by(request.team.id, "chatflow", saved.id),
    }
    return _page(request, {**_context(request, saved, form), **context}, 422)


def _page(request: TeamRequest, context: dict[str, Any], status: int) -> HttpResponse:
    part = "#form" if request.htmx else ""
    return render(request, f"chatflows/access.html{part}", context, status=status)


def _context(request: ChatflowRequest, chatflow: Chatflow, form: AccessForm) -> dict[str, Any]:
    _note_help(request, form, chatflow)
    return {
        "chatflow": chatflow,
        "form": form,
        "picker": key_picker.pick(chatflow, searched(request), _checked(form)),
        "has_limits": chatflow.limits != NO_LIMITS or chatflow.limit_address is not None,
        "snippets": snippets.whole(
            settings.PUBLIC_URL, chatflow.id, examples.question_of(chatflow.id)
        ),
        "calls": last_calls(chatflow),
        "may_edit": request.principal.may_do(permission_for(chatflow, "update")),
    }


def _note_help(request: ChatflowRequest, form: AccessForm, chatflow: Chatflow) -> None:
    """Write under each limit what was taken of it, and under the networks where the reader is."""
    day, month = usage.counts_of(chatflow.id, request.team)
    taken = month.cost + month.reserved_cost
    budget = f"{_money(taken)} used this month"
    if chatflow.limit_budget:
        budget += f", {taken * 100 // chatflow.limit_budget} %"
    if month.reserved_cost:
        budget += f"; {_money(month.reserved_cost)} of it is of calls that still run"
    help_texts = {
        "limit_day": f"{day.calls:,} today",
        "limit_month": f"{month.calls:,} so far",
        "limit_tokens": f"{month.tokens + month.reserved_tokens:,} so far",
        "limit_budget": budget,
        "networks": "One a line. Empty: from anywhere.",
    }
    if _is_outside(request, form):
        help_texts["networks"] += f" You are at {request.address}, which is outside."
    for name, text in help_texts.items():
        form[name].help_text = text


def _money(nanos: int) -> str:
    return money.written(nanos, settings.CURRENCY)


def _checked(form: AccessForm) -> set[UUID] | None:
    """Return the keys that a refused form chose, as far as their ids can be read."""
    if not form.is_bound:
        return None
    found = set()
    for text in form.data.getlist("keys"):  # type: ignore[attr-defined]
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return found


def _is_outside(request: ChatflowRequest, form: AccessForm) -> bool:
    """Whether the person who looks is in none of the networks that the form lists."""
    listed = form.cleaned_data.get("networks") if form.is_bound else form.initial["networks"]
    here = addresses.parse(request.address)
    if not listed or here is None:
        return False
    return not any(here in addresses.network(network) for network in listed)
