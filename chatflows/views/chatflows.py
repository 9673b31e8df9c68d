"""Chatflows: the list, and the pages to create, use, rename and delete one."""

import json
from datetime import UTC
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import trail
from accounts.forms.base import posted, render_forms
from accounts.guards import TeamRequest, team_view
from accounts.lists import listing
from accounts.permissions import Permission
from accounts.services.versions import Stale
from chatflows import postman, snippets
from chatflows.access import codes
from chatflows.calls import usage
from chatflows.flow_app import chats, flow_apps
from chatflows.forms.chatflows import (
    ChatflowForm,
    DeleteChatflowForm,
    HostedChatForm,
    RenameChatflowForm,
)
from chatflows.models import AccessMode, Call, Chatflow
from chatflows.services import chatflows, examples
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view

USE_DAYS = 14
COLUMNS = [
    listing.Column("Chatflow", "name", "name_key"),
    listing.Column("Access", "access", listing.within("access_mode", "name_key")),
    listing.Column("Engine", "engine", listing.within("engine", "name_key"), css="minor"),
    listing.Column("Type", css="minor"),
    listing.Column("Last call"),
    listing.Column("Let in today", css="num"),
    listing.Column("Refused today", css="num"),
    listing.ACTIONS,
]
MODES = listing.Filter("mode", "Access", [("", "Any access"), *AccessMode.choices])


@team_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_list(request: TeamRequest) -> HttpResponse:
    """List the team's chatflows with access, engine and today's calls."""
    asked = listing.Asked(request, COLUMNS, [MODES])
    calls_of_team = Call.objects.of(request.team).from_outside()
    last = calls_of_team.filter(chatflow_id=OuterRef("pk")).order_by("-id")
    rows = Chatflow.objects.of(request.team).filter(_matching(asked.q, asked.value("mode")))
    annotated = rows.with_usable_keys().annotate(last_call_at=Subquery(last.values("at")[:1]))
    page = asked.page(annotated, "chatflow")
    today = _calls_today(request, [chatflow.id for chatflow in page.rows])
    for chatflow in page.rows:
        row = today.get(chatflow.id, {})
        chatflow.let_in_today = row.get("let_in", 0)  # type: ignore[attr-defined]
        chatflow.refused_today = row.get("refused", 0)  # type: ignore[attr-defined]
    return listing.draw(request, "chatflows/list.html", "chatflows/list_rows.html", {"list": page})


@team_view(Permission.CHATFLOWS_CREATE)
@require_http_methods(["GET", "HEAD", "POST"])
def chatflow_new(request: TeamRequest) -> HttpResponse:
    """Create a chatflow, and go on to its Engine page."""
    form = ChatflowForm(posted(request))
    if form.is_valid():
        try:
            name = form.cleaned_data["name"]
            chatflow = chatflows.create(request.team, name, request.principal.actor)
        except ValidationError as error:
            form.add_error("name", error.messages)
        else:
            messages.success(request, f"{chatflow.name} is created. Choose what answers.")
            return redirect("chatflow_engine", request.team.slug, chatflow.id)
    return render_forms(request, "chatflows/new.html", {"form": form})


@chatflow_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_use(request: ChatflowRequest) -> HttpResponse:
    """Show how programs call the chatflow."""
    chatflow = request.chatflow
    asked = settings.PUBLIC_URL, chatflow.id, examples.question_of(chatflow.id)
    context = {
        "chatflow": chatflow,
        "endpoint": snippets.endpoint(settings.PUBLIC_URL, chatflow.id),
        "snippets": snippets.whole(*asked) + snippets.by_programs(*asked),
        "streaming_snippets": snippets.streaming(*asked)
        + snippets.by_programs(*asked, is_stream=True),
        "openai_snippets": snippets.openai(*asked),
        "flowise_snippets": snippets.flowise(*asked),
        "answers": codes.EXPLAINED,
    }
    return render(request, "chatflows/use.html", context)


@chatflow_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_postman(request: ChatflowRequest) -> HttpResponse:
    """Download a Postman collection, whose key is an empty variable."""
    chatflow = request.chatflow
    value = postman.collection(
        chatflow.name, settings.PUBLIC_URL, chatflow.id, examples.question_of(chatflow.id)
    )
    name = f"{slugify(chatflow.name)[:60] or 'chatflow'}.postman_collection.json"
    # A name can't look like markup, whatever program opens the file.
    text = json.dumps(value, indent=2).replace("<", "\\u003c")
    head = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="application/json", headers=head)


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def chatflow_settings(request: ChatflowRequest) -> HttpResponse:
    """Rename the chatflow. The page also has the form of its hosted chat."""
    chatflow = request.chatflow
    form = RenameChatflowForm.of(chatflow, posted(request))
    if form.is_valid():
        try:
            chatflows.rename(chatflow, by=request.principal.actor, **form.cleaned_data)
        except Stale:
            chatflow.refresh_from_db(fields=["name"])
            last = trail.latest_by(request.team.id, "chatflow", chatflow.id, "chatflow.rename")
            form.refuse(RenameChatflowForm.of(chatflow), last, "the name")
        except ValidationError as error:
            form.add_error("name", error.messages)
            chatflow.refresh_from_db(fields=["name"])
        else:
            messages.success(request, f"The chatflow is called {chatflow.name} now.")
            return redirect("chatflow_settings", request.team.slug, request.chatflow.id)
    return settings_page(request, form=form)


def settings_page(
    request: ChatflowRequest,
    *,
    form: RenameChatflowForm | None = None,
    hosted_form: HostedChatForm | None = None,
) -> HttpResponse:
    """Show the page of settings. One of its forms may be drawn with errors."""
    chatflow = request.chatflow
    chat = chats.of(chatflow)
    form = form or RenameChatflowForm.of(chatflow)
    hosted_form = hosted_form or HostedChatForm.of(chat)
    app = flow_apps.of(request.team)
    context = {"chatflow": chatflow, "form": form, "hosted_form": hosted_form, "chat": chat}
    return render_forms(request, "chatflows/settings.html", {**context, "app": app})


@chatflow_view(Permission.CHATFLOWS_DELETE)
@require_http_methods(["GET", "HEAD", "POST"])
def chatflow_delete(request: ChatflowRequest) -> HttpResponse:
    """Show what a deletion would stop, and delete the chatflow."""
    chatflow = request.chatflow
    form = DeleteChatflowForm(posted(request), chatflow=chatflow)
    if form.is_valid():
        chatflows.delete(chatflow, request.principal.actor)
        messages.success(request, f"{chatflow.name} is deleted.")
        return redirect("chatflow_list", request.team.slug)
    count = usage.calls_of_chatflow(chatflow, USE_DAYS)
    context = {"chatflow": chatflow, "form": form, "calls_14_days": count}
    return render_forms(request, "chatflows/delete.html", context)


def _matching(q: str, mode: str) -> Q:
    matching = Q(access_mode=mode) if mode in AccessMode.values else Q()
    if not q:
        return matching
    by_text = Q(name__icontains=q)
    try:
        return matching & (by_text | Q(pk=UUID(q)))
    except ValueError:
        return matching & by_text


def _calls_today(request: TeamRequest, ids: list[UUID]) -> dict[UUID, dict[str, Any]]:
    midnight = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    every = Call.objects.of(request.team).from_outside()
    today = every.filter(chatflow_id__in=ids, at__gte=midnight)
    rows = today.values("chatflow_id").annotate(
        let_in=Count("id", filter=Q(allowed=True)),
        refused=Count("id", filter=Q(allowed=False)),
    )
    return {row["chatflow_id"]: dict(row) for row in rows}
