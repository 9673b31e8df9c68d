"""FAQ entries: the editor of what the built-in engine answers from."""

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.audit import trail
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from accounts.services.versions import Stale
from chatflows.faq import entries, undo
from chatflows.forms.chatflows import FallbackForm, FaqEntryChangeForm, FaqEntryForm
from chatflows.models import FaqEntry
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view
from chatflows.views.engine_page import EnginePage, Place, chosen_unanswered


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
    return Place.of(request).show("unanswered" if answers else "add")


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_entry_update(request: ChatflowRequest, entry_id: int) -> HttpResponse:
    """Change the question and the answer of an entry."""
    entry = FaqEntry.objects.filter(chatflow=request.chatflow, pk=entry_id).first()
    if entry is None:
        return _deleted(request, entry_id)
    form = FaqEntryChangeForm.of(entry, request.POST)
    if not form.is_valid():
        return EnginePage(request).refuse(entry_form=form, entry=entry)
    try:
        entries.update(entry, by=request.principal.actor, **form.cleaned_data)
    except Stale:
        last = entries.latest_by(entry)
        form.refuse(FaqEntryChangeForm.of(entry), last, "this answer")
        return EnginePage(request).refuse(entry_form=form, entry=entry)
    messages.success(request, "The answer is saved. Callers notice on the next call.")
    return Place.of(request).show(f"entry-{entry.pk}")


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_entry_delete(request: ChatflowRequest, entry_id: int) -> HttpResponse:
    """Delete an entry."""
    entry = get_object_or_404(FaqEntry, chatflow=request.chatflow, pk=entry_id)
    entries.delete(entry, request.principal.actor)
    undo = reverse("faq_entry_restore", args=[request.team.slug, request.chatflow.id, entry_id])
    messages.success(request, f"Deleted: {entry.question[:60]}", extra_tags=undo)
    return Place.of(request).show_after(request.chatflow, entry_id)


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_entry_restore(request: ChatflowRequest, entry_id: int) -> HttpResponse:
    """Put back an entry that was deleted within the last hour."""
    try:
        entry = entries.restore(request.chatflow, entry_id, request.principal.actor)
    except ObjectDoesNotExist:
        raise Http404 from None
    except undo.Gone:
        messages.warning(
            request, "This answer can't be put back any more. The audit trail has its text."
        )
        return Place.of(request).show("entries")
    messages.success(request, "The answer is back. Callers notice on the next call.")
    return Place.of(request).show(f"entry-{entry.pk}")


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def faq_fallback_save(request: ChatflowRequest) -> HttpResponse:
    """Save what the FAQ says when no entry answers."""
    chatflow = request.chatflow
    form = FallbackForm.of(chatflow, request.POST)
    if not form.is_valid():
        return EnginePage(request).refuse(fallback_form=form)
    text, version = form.cleaned_data["fallback"], form.cleaned_data["version"]
    try:
        entries.set_fallback(chatflow, text, request.principal.actor, version=version)
    except Stale:
        chatflow.refresh_from_db(fields=["fallback"])
        last = trail.latest_by(request.team.id, "chatflow", chatflow.id, "chatflow.set_fallback")
        form.refuse(FallbackForm.of(chatflow), last, "the fallback")
        return EnginePage(request).refuse(fallback_form=form)
    messages.success(request, "The fallback is saved. Callers notice on the next call.")
    return Place.of(request).show("fallback")


def _deleted(request: ChatflowRequest, entry_id: int) -> HttpResponse:
    """Offer what was typed for a deleted entry as a new one. Answers 404 if it never was here."""
    by = entries.deleted_by(request.chatflow, entry_id)
    if by is None:
        raise Http404
    form = FaqEntryForm(request.POST)
    words = f"{by} deleted this answer since you opened this page, so nothing is saved."
    form.add_error(None, f"{words} What you typed stands here: add it as a new answer.")
    return EnginePage(request).refuse(form=form)
