"""FAQ entries: the plain editor of the built-in engine."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.guards import TeamRequest, team_view
from accounts.permissions import Permission
from chatflows.forms import FallbackForm, FaqEntryForm
from chatflows.models import Chatflow, FaqEntry
from chatflows.services import faq_entries
from chatflows.views.chatflows import get_chatflow


@team_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_engine(request: TeamRequest, chatflow_id: UUID) -> HttpResponse:
    """What the chatflow answers from."""
    return _page(request, get_chatflow(request, chatflow_id))


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def faq_entry_add(request: TeamRequest, chatflow_id: UUID) -> HttpResponse:
    """Add an entry."""
    chatflow = get_chatflow(request, chatflow_id)
    form = FaqEntryForm(request.POST)
    if not form.is_valid():
        return _page(request, chatflow, form=form)
    faq_entries.add(chatflow, by=request.principal.actor, **form.cleaned_data)
    return redirect("chatflow_engine", request.team.slug, chatflow_id)


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def faq_entry_update(request: TeamRequest, chatflow_id: UUID, entry_id: int) -> HttpResponse:
    """Change an entry."""
    chatflow = get_chatflow(request, chatflow_id)
    form = FaqEntryForm(request.POST)
    entry = get_object_or_404(FaqEntry, chatflow=chatflow, pk=entry_id)
    if not form.is_valid():
        return _page(request, chatflow, entry_form=form, entry_id=entry_id)
    faq_entries.update(entry, by=request.principal.actor, **form.cleaned_data)
    return redirect("chatflow_engine", request.team.slug, chatflow_id)


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def faq_entry_delete(request: TeamRequest, chatflow_id: UUID, entry_id: int) -> HttpResponse:
    """Remove an entry."""
    chatflow = get_chatflow(request, chatflow_id)
    entry = get_object_or_404(FaqEntry, chatflow=chatflow, pk=entry_id)
    faq_entries.delete(entry, request.principal.actor)
    return redirect("chatflow_engine", request.team.slug, chatflow_id)


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def faq_fallback_save(request: TeamRequest, chatflow_id: UUID) -> HttpResponse:
    """Set what is said when no entry answers."""
    chatflow = get_chatflow(request, chatflow_id)
    form = FallbackForm(request.POST)
    if not form.is_valid():
        return _page(request, chatflow, fallback_form=form)
    faq_entries.set_fallback(chatflow, form.cleaned_data["fallback"], request.principal.actor)
    return redirect("chatflow_engine", request.team.slug, chatflow_id)


def _page(
    request: TeamRequest,
    chatflow: Chatflow,
    *,
    form: FaqEntryForm | None = None,
    fallback_form: FallbackForm | None = None,
    entry_form: FaqEntryForm | None = None,
    entry_id: int | None = None,
) -> HttpResponse:
    is_refused = any((form, fallback_form, entry_form))
    context = {
        "chatflow": chatflow,
        "entries": chatflow.faq_entries.all(),
        "form": form or FaqEntryForm(),
        "fallback_form": fallback_form or FallbackForm(instance=chatflow),
        "entry_form": entry_form,
        "entry_id": entry_id,
        "may_edit": request.principal.may_do(Permission.CHATFLOWS_UPDATE),
    }
    return render(request, "chatflows/engine.html", context, status=422 if is_refused else 200)
