"""FAQ entries: the plain editor of the built-in engine."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.guards import TeamRequest, team_view
from accounts.permissions import Permission
from chatflows.faq import entries
from chatflows.forms.chatflows import FallbackForm, FaqEntryForm
from chatflows.models import FaqEntry
from chatflows.views.chatflows import get_chatflow
from chatflows.views.engine_page import chosen_unanswered, engine_page


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def faq_entry_add(request: TeamRequest, chatflow_id: UUID) -> HttpResponse:
    """Add an entry; an unanswered question that it answers leaves its list."""
    chatflow = get_chatflow(request, chatflow_id)
    form = FaqEntryForm(request.POST)
    answers = chosen_unanswered(chatflow, request.POST.get("answers", ""))
    if not form.is_valid():
        return engine_page(request, chatflow, form=form, answers=answers)
    by = request.principal.actor
    entries.add(chatflow, by=by, answers=answers, **form.cleaned_data)
    messages.success(request, "The answer is added. It holds from the next call on.")
    return redirect("chatflow_engine", request.team.slug, chatflow_id)


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def faq_entry_update(request: TeamRequest, chatflow_id: UUID, entry_id: int) -> HttpResponse:
    """Change an entry."""
    chatflow = get_chatflow(request, chatflow_id)
    form = FaqEntryForm(request.POST)
    entry = get_object_or_404(FaqEntry, chatflow=chatflow, pk=entry_id)
    if not form.is_valid():
        return engine_page(request, chatflow, entry_form=form, entry=entry)
    entries.update(entry, by=request.principal.actor, **form.cleaned_data)
    return redirect("chatflow_engine", request.team.slug, chatflow_id)


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def faq_entry_delete(request: TeamRequest, chatflow_id: UUID, entry_id: int) -> HttpResponse:
    """Remove an entry."""
    chatflow = get_chatflow(request, chatflow_id)
    entry = get_object_or_404(FaqEntry, chatflow=chatflow, pk=entry_id)
    entries.delete(entry, request.principal.actor)
    return redirect("chatflow_engine", request.team.slug, chatflow_id)


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def faq_fallback_save(request: TeamRequest, chatflow_id: UUID) -> HttpResponse:
    """Set what is said when no entry answers."""
    chatflow = get_chatflow(request, chatflow_id)
    form = FallbackForm(request.POST)
    if not form.is_valid():
        return engine_page(request, chatflow, fallback_form=form)
    entries.set_fallback(chatflow, form.cleaned_data["fallback"], request.principal.actor)
    return redirect("chatflow_engine", request.team.slug, chatflow_id)
