"""Engines: what a chatflow answers from, chosen, tried and saved."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.guards import TeamRequest, team_view
from accounts.permissions import Permission
from chatflows.engines.configs import InvalidConfig
from chatflows.forms.engines import EngineForms
from chatflows.services import engines
from chatflows.views.chatflows import get_chatflow
from chatflows.views.engine_page import chosen_unanswered, engine_page


@team_view(Permission.CHATFLOWS_VIEW)
@require_safe
def chatflow_engine(request: TeamRequest, chatflow_id: UUID) -> HttpResponse:
    """The engine and what belongs to it; `?answer=` opens the form for an unanswered question."""
    chatflow = get_chatflow(request, chatflow_id)
    answers = chosen_unanswered(chatflow, request.GET.get("answer", ""))
    return engine_page(request, chatflow, answers=answers)


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def engine_save(request: TeamRequest, chatflow_id: UUID) -> HttpResponse:
    """Set what answers."""
    chatflow = get_chatflow(request, chatflow_id)
    forms = EngineForms(chatflow, request.POST)
    if not forms.are_valid():
        return engine_page(request, chatflow, engine_forms=forms, is_refused=True)
    try:
        by = request.principal.actor
        engines.save(chatflow, forms.engine, forms.config, forms.new_secret, by)
    except InvalidConfig as error:
        forms.refuse(error.errors)
        return engine_page(request, chatflow, engine_forms=forms, is_refused=True)
    messages.success(request, "The engine is saved. It answers from the next call on.")
    return redirect("chatflow_engine", request.team.slug, chatflow_id)


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def engine_test(request: TeamRequest, chatflow_id: UUID) -> HttpResponse:
    """Whether what is typed would reach an upstream, in one sentence. Nothing is saved."""
    chatflow = get_chatflow(request, chatflow_id)
    forms = EngineForms(chatflow, request.POST)
    try:
        told = _tested(forms)
    except InvalidConfig as error:
        forms.refuse(error.errors)
        told = False, " ".join(error.errors.values())
    context = {"is_connected": told[0], "tested_words": told[1]}
    if request.htmx:
        return render(request, "chatflows/engine_form.html#tested", context)
    return engine_page(request, chatflow, engine_forms=forms, told=context)


@team_view(Permission.CHATFLOWS_UPDATE)
@require_POST
def engine_models(request: TeamRequest, chatflow_id: UUID) -> HttpResponse:
    """The models of the server that is typed, for the field's suggestions."""
    chatflow = get_chatflow(request, chatflow_id)
    forms = EngineForms(chatflow, request.POST)
    names: list[str] = []
    try:
        if not forms.are_valid():
            raise InvalidConfig({"engine": "Something that was typed can't be read."})
        names, why = engines.list_models(chatflow, forms.engine, forms.config, forms.new_secret)
    except InvalidConfig as error:
        why = " ".join(error.errors.values())
    models = "model" if len(names) == 1 else "models"
    words = why or f"The server lists {len(names)} {models}. The field suggests them as you type."
    context: dict[str, object] = {"models": names, "models_words": words}
    if request.htmx:
        return render(request, "chatflows/engine_form.html#models", context)
    return engine_page(request, chatflow, engine_forms=forms, told=context)


def _tested(forms: EngineForms) -> tuple[bool, str]:
    if not forms.are_valid() or not forms.has_upstream:
        raise InvalidConfig({"engine": "Choose an engine that has a server."})
    return engines.test_connection(forms.chatflow, forms.engine, forms.config, forms.new_secret)
