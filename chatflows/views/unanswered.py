"""Unanswered questions: dismissed here; answered by the form that adds an entry."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.guards import TeamRequest, team_view
from accounts.permissions import Permission
from chatflows.faq import unanswered
from chatflows.models import UnansweredQuestion
from chatflows.views.chatflows import get_chatflow


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def unanswered_dismiss(request: TeamRequest, chatflow_id: UUID, question_id: int) -> HttpResponse:
    """Take a question from the list."""
    chatflow = get_chatflow(request, chatflow_id)
    question = get_object_or_404(UnansweredQuestion, chatflow=chatflow, pk=question_id)
    unanswered.dismiss(question, request.principal.actor)
    return redirect("chatflow_engine", request.team.slug, chatflow_id)
