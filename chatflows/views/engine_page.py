"""The Engine page, as each of its forms draws it again when it refuses."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render

from accounts.forms.base import searched
from accounts.guards import TeamRequest
from accounts.permissions import Permission
from chatflows.forms.chatflows import FallbackForm, FaqEntryForm
from chatflows.forms.engines import EngineForms
from chatflows.models import Chatflow, FaqEntry, UnansweredQuestion

ENTRIES_PER_PAGE = 50
UNANSWERED_SHOWN = 50


def engine_page(
    request: TeamRequest,
    chatflow: Chatflow,
    *,
    form: FaqEntryForm | None = None,
    answers: UnansweredQuestion | None = None,
    fallback_form: FallbackForm | None = None,
    entry_form: FaqEntryForm | None = None,
    entry: FaqEntry | None = None,
    engine_forms: EngineForms | None = None,
    is_refused: bool = False,
    told: Mapping[str, object] | None = None,
) -> HttpResponse:
    """What the chatflow answers from; 422 where one of the forms was refused.

    `told` is what a test of the connection or of the models said.
    """
    is_refused = is_refused or any((form, fallback_form, entry_form))
    engine_forms = engine_forms or EngineForms(chatflow)
    context: dict[str, Any] = {
        "chatflow": chatflow,
        "engine_form": engine_forms.choice,
        "kinds": engine_forms.kinds,
        "may_edit": request.principal.may_do(Permission.CHATFLOWS_UPDATE),
    }
    if chatflow.kind.answers_from_entries:
        filled = FaqEntryForm(initial={"question": answers.question}) if answers else None
        context |= {
            **_entries(request, chatflow, entry),
            "unanswered": list(chatflow.unanswered_questions.all()[:UNANSWERED_SHOWN]),
            "form": form or filled or FaqEntryForm(),
            "answers": answers,
            "fallback_form": fallback_form or FallbackForm(instance=chatflow),
            "entry_form": entry_form,
            "entry_id": entry.pk if entry else None,
        }
    context |= told or {}
    return render(request, "chatflows/engine.html", context, status=422 if is_refused else 200)


def chosen_unanswered(chatflow: Chatflow, number: str) -> UnansweredQuestion | None:
    """The unanswered question that a page was told to answer, if it is still there."""
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return chatflow.unanswered_questions.filter(pk=number).first()


def _entries(request: TeamRequest, chatflow: Chatflow, edited: FaqEntry | None) -> dict[str, Any]:
    every = chatflow.faq_entries.all()
    q = searched(request)
    found = every.filter(question__icontains=q) | every.filter(answer__icontains=q) if q else every
    if edited is not None:  # refused: its form is drawn again, wherever it stands
        found = every.filter(pk=edited.pk)
    page = Paginator(found, ENTRIES_PER_PAGE).get_page(request.GET.get("page"))
    return {"entries": page, "q": q}
