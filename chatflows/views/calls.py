"""The calls of a chatflow: the newest as a part of its page, and all on a page of their own."""

from collections.abc import Iterable
from functools import partial

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.lists import listing
from accounts.permissions import Permission
from apikeys import key_pages
from chatflows.models import Call, Chatflow
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view

LAST_CALLS = 20
COLUMNS = [listing.Column("When", "when", "pk", falls=True)]
OUTCOMES = listing.Filter(
    "outcome", "Outcome", [("", "Any outcome"), ("let-in", "Let in"), ("refused", "Refused")]
)


@chatflow_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_calls(request: ChatflowRequest) -> HttpResponse:
    """Show the last calls, as a fragment. Without a script, lead to the page of all calls."""
    if not request.htmx:
        return redirect("chatflow_call_list", request.team.slug, request.chatflow.id)
    context = {"chatflow": request.chatflow, "calls": last_calls(request.chatflow)}
    return render(request, "chatflows/access.html#calls", context)


@chatflow_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_call_list(request: ChatflowRequest) -> HttpResponse:
    """Show all calls that are kept, 50 a page, the newest first."""
    asked = listing.Asked(request, COLUMNS, [OUTCOMES], has_search=False)
    outcome = asked.value("outcome")
    narrow = partial(_of_outcome, is_allowed=outcome == "let-in") if outcome else None
    of_chatflow = Call.objects.of(request.team).filter(chatflow_id=request.chatflow.id)
    page = asked.window(of_chatflow.with_key_kinds(), narrow, "call")
    note_pages(request.chatflow, page.rows)
    context = {"chatflow": request.chatflow, "list": page, "calls": page.rows}
    return listing.draw(request, "chatflows/call_list.html", "chatflows/call_rows.html", context)


def last_calls(chatflow: Chatflow) -> list[Call]:
    """Return the newest calls of a chatflow."""
    calls = list(Call.objects.latest_of(chatflow, LAST_CALLS))
    note_pages(chatflow, calls)
    return calls


def note_pages(chatflow: Chatflow, calls: Iterable[Call]) -> None:
    """Give each call the address of its key's page; empty where there is none."""
    urls = key_pages.urls(chatflow.team_id, {call.key_id for call in calls if call.key_id})
    for call in calls:
        call.key_url = urls.get(str(call.key_id), "")  # type: ignore[attr-defined]


def _of_outcome(calls: QuerySet[Call], *, is_allowed: bool) -> QuerySet[Call]:
    return calls.filter(allowed=is_allowed)
