"""Access: who may call a chatflow, and its last calls."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.guards import TeamRequest
from accounts.permissions import Permission
from apikeys import key_pages
from apikeys.models import ApiKey
from chatflows import snippets
from chatflows.forms.chatflows import AccessForm
from chatflows.models import Call, Chatflow
from chatflows.permissions import permission_for
from chatflows.services import chatflows
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view, get_chatflow

LAST_CALLS = 20
STALE = "Someone else changed the access in the meantime. This is how it is now."


@chatflow_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_access(request: ChatflowRequest) -> HttpResponse:
    """Show the page: mode, keys, code to paste, last calls."""
    return render(request, "chatflows/access.html", _context(request, request.chatflow))


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def chatflow_access_save(request: ChatflowRequest) -> HttpResponse:
    """Save the access, from the next call on."""
    form = AccessForm(request.POST, chatflow=request.chatflow)
    if not form.is_valid():
        return _page(request, _context(request, request.chatflow, form), 422)
    access = chatflows.Access(
        mode=form.cleaned_data["mode"],
        key_ids=frozenset(key.pk for key in form.cleaned_data["keys"]),
        allow_key_in_url=form.cleaned_data["allow_key_in_url"],
    )
    version = form.cleaned_data["version"]
    try:
        chatflows.save_access(request.chatflow, access, request.principal.actor, version=version)
    except chatflows.Stale:
        context = _context(request, get_chatflow(request, request.chatflow.id))
        return _page(request, {**context, "stale": STALE}, 422)
    if not request.htmx:
        messages.success(request, "Access is saved. It holds from the next call on.")
        return redirect("chatflow_access", request.team.slug, request.chatflow.id)
    saved = get_chatflow(request, request.chatflow.id)
    return _page(request, {**_context(request, saved), "saved": True}, 200)


@chatflow_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_calls(request: ChatflowRequest) -> HttpResponse:
    """Show the last calls, as a fragment."""
    context = {"chatflow": request.chatflow, "calls": _last_calls(request.chatflow)}
    return render(request, "chatflows/access.html#calls", context)


def _page(request: TeamRequest, context: dict[str, Any], status: int) -> HttpResponse:
    part = "#form" if request.htmx else ""
    return render(request, f"chatflows/access.html{part}", context, status=status)


def _context(
    request: TeamRequest, chatflow: Chatflow, form: AccessForm | None = None
) -> dict[str, Any]:
    kept = ApiKey.objects.of(request.team).kept().selectable_for(chatflow.id)
    keys = kept.select_related("created_by")
    rows = list(keys.with_status().order_by("name_key"))
    selected = set(chatflow.selections.values_list("key_id", flat=True))
    if form is not None:
        chosen = request.POST.getlist("keys")
        selected = {key.id for key in rows if str(key.id) in chosen}
    for key in rows:
        key.selected = key.id in selected  # type: ignore[attr-defined]
    current = {
        "mode": chatflow.access_mode,
        "allow_key_in_url": chatflow.allow_key_in_url,
        "version": chatflow.version,
    }
    return {
        "chatflow": chatflow,
        "form": form or AccessForm(chatflow=chatflow, initial=current),
        "picker": rows,
        "snippets": snippets.whole(settings.PUBLIC_URL, chatflow.id),
        "calls": _last_calls(chatflow),
        "may_edit": request.principal.may_do(permission_for(chatflow, "update")),
    }


def _last_calls(chatflow: Chatflow) -> list[Call]:
    calls = list(Call.objects.latest_of(chatflow, LAST_CALLS))
    urls = key_pages.urls(chatflow.team_id, {call.key_id for call in calls if call.key_id})
    for call in calls:
        call.key_url = urls.get(str(call.key_id), "")  # type: ignore[attr-defined]
    return calls
