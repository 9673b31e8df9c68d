"""Engines: what a chatflow answers from."""

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from accounts.guards import TeamRequest, team_view
from accounts.permissions import Permission
from chatflows.views.chatflows import get_chatflow
from chatflows.views.engine_page import chosen_unanswered, engine_page


@team_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_engine(request: TeamRequest, chatflow_id: UUID) -> HttpResponse:
    """The engine and what belongs to it; `?answer=` opens the form for an unanswered question."""
    chatflow = get_chatflow(request, chatflow_id)
    answers = chosen_unanswered(chatflow, request.GET.get("answer", ""))
    return engine_page(request, chatflow, answers=answers)
