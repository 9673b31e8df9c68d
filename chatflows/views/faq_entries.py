"""FAQ entries: the editor of what the built-in engine answers from."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from chatflows.faq import entries
from chatflows.forms.chatflows import FallbackForm, FaqEntryForm
from chatflows.models import FaqEntry
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view
from chatflows.views.engine_page import EnginePage, chosen_unanswered


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_entry_add(request: ChatflowRequest) -> HttpResponse:
    """Add an entry. An unanswered question that it answers leaves its list."""
    form = FaqEntryForm(request.POST)
    answers = chosen_unanswered(request.chatflow, request.POST.get("answers", ""))
    if not form.is_valid():
        return EnginePage(request).refuse(form=form, answers=answers)
    by = request.principal.actor
    entries.add(request.chatflow, by=by, answers=answers, **form.cleaned_data)
    messages.success(request, "The answer is added. It holds from the next call on.")
    return redirect("chatflow_engine", request.team.slug, request.chatflow.id)


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_entry_update(request: ChatflowRequest, entry_id: int) -> HttpResponse:
    """Change the question and the answer of an entry."""
    form = FaqEntryForm(request.POST)
    entry = get_object_or_404(FaqEntry, chatflow=request.chatflow, pk=entry_id)
    if not form.is_valid():
        return EnginePage(request).refuse(entry_form=form, entry=entry)
    entries.update(entry, by=request.principal.actor, **form.cleaned_data)
    return redirect("chatflow_engine", request.team.slug, request.chatflow.id)


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_entry_delete(request: ChatflowRequest, entry_id: int) -> HttpResponse:
    """Delete an entry."""
    entry = get_object_or_404(FaqEntry, chatflow=request.chatflow, pk=entry_id)
    entries.delete(entry, request.principal.actor)
    return redirect("chatflow_engine", request.team.slug, request.chatflow.id)


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_fallback_save(request: ChatflowRequest) -> HttpResponse:
    """Save what the FAQ says when no entry answers."""
    form = FallbackForm(request.POST)
    if not form.is_valid():
        return EnginePage(request).refuse(fallback_form=form)
    entries.set_fallback(request.chatflow, form.cleaned_data["fallback"], request.principal.actor)
    return redirect("chatflow_engine", request.team.slug, request.chatflow.id)
