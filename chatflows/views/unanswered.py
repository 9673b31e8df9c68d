"""Unanswered questions: dismiss one. The form that adds an entry answers one."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from accounts.login.ways_back import page_of, posted_from
from accounts.permissions import Permission
from chatflows.faq import unanswered
from chatflows.models import UnansweredQuestion
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def unanswered_dismiss(request: ChatflowRequest, question_id: int) -> HttpResponse:
    """Dismiss a question."""
    question = get_object_or_404(UnansweredQuestion, chatflow=request.chatflow, pk=question_id)
    unanswered.dismiss(question, request.principal.actor)
    messages.success(request, "Dismissed. The question comes back when somebody asks it again.")
    return redirect(page_of(request))
