"""Unanswered questions: dismiss one, and undo that. The form that adds an entry answers one."""

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from chatflows.faq import unanswered, undo
from chatflows.models import UnansweredQuestion
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view
from chatflows.views.engine_page import Place


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def unanswered_dismiss(request: ChatflowRequest, question_id: int) -> HttpResponse:
    """Dismiss a question."""
    question = get_object_or_404(UnansweredQuestion, chatflow=request.chatflow, pk=question_id)
    undone = reverse(
        "unanswered_restore", args=[request.team.slug, request.chatflow.id, question_id]
    )
    unanswered.dismiss(question, request.principal.actor)
    said = "Dismissed. The question comes back when somebody asks it again."
    messages.success(request, said, extra_tags=undone)
    return Place.of(request).show("unanswered")


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def unanswered_restore(request: ChatflowRequest, question_id: int) -> HttpResponse:
    """Put back a question that was dismissed within the last hour."""
    try:
        unanswered.restore(request.chatflow, question_id, request.principal.actor)
    except ObjectDoesNotExist:
        raise Http404 from None
    except undo.Gone:
        messages.warning(request, "This question can't be put back any more.")
    else:
        messages.success(request, "The question is back.")
    return Place.of(request).show("unanswered")
