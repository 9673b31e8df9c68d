"""Engines: choose, test and save what answers for a chatflow."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.audit import trail
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from accounts.services.versions import Stale
from chatflows.engines.configs import InvalidConfig
from chatflows.forms.engines import EngineForms
from chatflows.services import engines
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view
from chatflows.views.engine_page import EnginePage, chosen_unanswered


@chatflow_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_engine(request: ChatflowRequest) -> HttpResponse:
    """Show the Engine page. `?answer=` opens the form for an unanswered question."""
    answers = chosen_unanswered(request.chatflow, request.GET.get("answer", ""))
    return EnginePage(request).show(answers=answers)


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def engine_save(request: ChatflowRequest) -> HttpResponse:
    """Save the engine and its settings."""
    forms = EngineForms(request.chatflow, request.POST)
    if not forms.are_valid():
        return EnginePage(request).refuse(engine_forms=forms)
    try:
        by = request.principal.actor
        typed = forms.engine, forms.config, forms.new_secret
        version = forms.choice.cleaned_data["version"]
        engines.save(request.chatflow, *typed, by, version=version)
    except Stale:
        request.chatflow.refresh_from_db(fields=["engine", "engine_config"])
        last = trail.latest_by(
            request.team.id, "chatflow", request.chatflow.id, "chatflow.set_engine"
        )
        forms.refuse_stale(EngineForms(request.chatflow), last)
        return EnginePage(request).refuse(engine_forms=forms)
    except InvalidConfig as error:
        forms.refuse(error.errors)
        return EnginePage(request).refuse(engine_forms=forms)
    messages.success(request, "The engine is saved. It answers from the next call on.")
    return redirect("chatflow_engine", request.team.slug, request.chatflow.id)


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def engine_test(request: ChatflowRequest) -> HttpResponse:
    """Test whether the typed settings reach an upstream. Nothing is saved."""
    forms = EngineForms(request.chatflow, request.POST)
    try:
        told = _tested(forms)
    except InvalidConfig as error:
        forms.refuse(error.errors)
        told = False, " ".join(error.errors.values())
    context = {"is_connected": told[0], "tested_words": told[1]}
    if request.htmx:
        return render(request, "chatflows/engine_form.html#tested", context)
    return EnginePage(request).show(engine_forms=forms, **context)


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("chatflow_engine")
def engine_models(request: ChatflowRequest) -> HttpResponse:
    """List the models of the typed server, as suggestions for a field."""
    forms = EngineForms(request.chatflow, request.POST)
    names: list[str] = []
    try:
        if not forms.are_valid():
            raise InvalidConfig({"engine": "Something that was typed can't be read."})
        typed = forms.engine, forms.config, forms.new_secret
        names, why = engines.list_models(request.chatflow, *typed)
    except InvalidConfig as error:
        why = " ".join(error.errors.values())
    models = "model" if len(names) == 1 else "models"
    words = why or f"The server lists {len(names)} {models}. The field suggests them as you type."
    context: dict[str, object] = {"models": names, "models_words": words}
    if request.htmx:
        return render(request, "chatflows/engine_form.html#models", context)
    return EnginePage(request).show(engine_forms=forms, **context)


def _tested(forms: EngineForms) -> tuple[bool, str]:
    if not forms.are_valid() or not forms.has_upstream:
        raise InvalidConfig({"engine": "Choose an engine that has a server."})
    return engines.test_connection(forms.chatflow, forms.engine, forms.config, forms.new_secret)
