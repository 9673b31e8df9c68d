"""FAQ entries: the editor of what the built-in engine answers from."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from accounts.login.ways_back import page_of, posted_from
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
    messages.success(request, "The answer is added. Callers notice on the next call.")
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
    messages.success(request, "The answer is saved. Callers notice on the next call.")
    return redirect(f"{page_of(request)}#entry-{entry.pk}")


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_entry_delete(request: ChatflowRequest, entry_id: int) -> HttpResponse:
    """Delete an entry."""
    entry = get_object_or_404(FaqEntry, chatflow=request.chatflow, pk=entry_id)
    entries.delete(entry, request.principal.actor)
    undo = reverse("faq_entry_restore", args=[request.team.slug, request.chatflow.id, entry_id])
    messages.success(request, f"Deleted: {entry.question[:60]}", extra_tags=undo)
    return redirect(page_of(request))


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_entry_restore(request: ChatflowRequest, entry_id: int) -> HttpResponse:
    """Put back an entry that was deleted within the last hour."""
    try:
        entry = entries.restore(request.chatflow, entry_id, request.principal.actor)
    except FaqEntry.DoesNotExist:
        raise Http404 from None
    except entries.Gone:
        messages.warning(
            request, "This answer can't be put back any more. The audit trail has its text."
        )
        return redirect(page_of(request))
    messages.success(request, "The answer is back. Callers notice on the next call.")
    return redirect(f"{page_of(request)}#entry-{entry.pk}")


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_fallback_save(request: ChatflowRequest) -> HttpResponse:
    """Save what the FAQ says when no entry answers."""
    form = FallbackForm(request.POST)
    if not form.is_valid():
        return EnginePage(request).refuse(fallback_form=form)
    entries.set_fallback(request.chatflow, form.cleaned_data["fallback"], request.principal.actor)
    messages.success(request, "The fallback is saved. Callers notice on the next call.")
    return redirect("chatflow_engine", request.team.slug, request.chatflow.id)
