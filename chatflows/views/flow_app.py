"""The settings of the flow app and of hosted chats."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import trail
from accounts.forms.base import posted, render_forms
from accounts.guards import TeamRequest, team_view
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from accounts.services.versions import Stale
from chatflows.flow_app import chats, flow_apps
from chatflows.flow_app.chats import Shown
from chatflows.flow_app.flow_apps import Login
from chatflows.forms.chatflows import FlowAppForm, HostedChatForm
from chatflows.models import FlowAppState, HostedChat
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view
from chatflows.views.chatflows import settings_page

SAVED = {
    FlowAppState.OFF: "The flow app is off. Everyone in it is out.",
    FlowAppState.PASSWORD: "Saved. Everyone who was in logs in anew.",
    FlowAppState.OPEN: "The flow app is open: everyone who has the address comes in.",
}


@team_view(Permission.FLOW_APP_UPDATE)
@require_safe
def flow_app(request: TeamRequest) -> HttpResponse:
    """Show who may enter, the address, and the published chats."""
    context = {
        "app": flow_apps.of(request.team),
        "address": settings.PUBLIC_URL + reverse("flow_home", args=[request.team.slug]),
        "chats": HostedChat.objects.shown_by(request.team).order_by("title"),
    }
    return render(request, "chatflows/flow_app.html", context)


@team_view(Permission.FLOW_APP_UPDATE, fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def flow_app_edit(request: TeamRequest) -> HttpResponse:
    """Change the state, the username and the password."""
    app = flow_apps.of(request.team)
    form = FlowAppForm(posted(request), app=app)
    if form.is_valid():
        given = form.cleaned_data
        login = Login(given["username"], given["password"]) if "username" in given else None
        try:
            by, version = request.principal.actor, given["version"]
            saved = flow_apps.save(request.team, given["state"], login, by, version=version)
        except Stale:
            app = flow_apps.of(request.team)
            last = trail.latest_by(request.team.id, "flow_app", request.team.id)
            form.refuse(FlowAppForm(app=app), last, "the flow app")
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, SAVED[FlowAppState(saved.state)])
            return redirect("flow_app", request.team.slug)
    return render_forms(request, "chatflows/flow_app_edit.html", {"app": app, "form": form})


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_settings")
def hosted_chat_save(request: ChatflowRequest) -> HttpResponse:
    """Publish a chatflow in the flow app, or unpublish it."""
    chatflow = request.chatflow
    form = HostedChatForm.of(chats.of(chatflow), request.POST)
    if not form.is_valid():
        return settings_page(request, hosted_form=form)
    try:
        by, version = request.principal.actor, form.cleaned_data["version"]
        chat = chats.save(chatflow, Shown(**form.typed), by, version=version)
    except Stale:
        last = trail.latest_by(request.team.id, "chatflow", chatflow.id, "chatflow.set_hosted_chat")
        form.refuse(HostedChatForm.of(chats.of(chatflow)), last, "the hosted chat")
        return settings_page(request, hosted_form=form)
    except ValidationError as error:
        form.add_error(None, error)
        return settings_page(request, hosted_form=form)
    sees = "now see" if chat.is_published else "no longer see"
    messages.success(request, f"Visitors {sees} {chatflow.name}.")
    return redirect("chatflow_settings", request.team.slug, request.chatflow.id)
