"""The Engine page, which each of its views draws again with a refused form."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from accounts.forms.base import searched
from chatflows.faq import entries
from chatflows.forms.chatflows import FallbackForm, FaqEntryForm
from chatflows.forms.engines import EngineForms
from chatflows.models import Chatflow, FaqEntry, UnansweredQuestion
from chatflows.permissions import permission_for
from chatflows.views.chatflow_guard import ChatflowRequest

ENTRIES_PER_PAGE = 50
UNANSWERED_SHOWN = 50


class EnginePage:
    """Draws the Engine page, with a form or a result of the view in place of a fresh form.

    `shown` holds values for the templates: `engine_forms`, `form`, `answers`, `fallback_form`,
    `entry_form` with its `entry`, and the result of a test of the connection or the models.
    """

    def __init__(self, request: ChatflowRequest) -> None:
        self._request = request
        self._chatflow = request.chatflow

    def show(self, **shown: Any) -> HttpResponse:
        """Draw the page."""
        return self._draw(shown, 200)

    def refuse(self, **shown: Any) -> HttpResponse:
        """Draw the page with a refused form, as 422."""
        return self._draw(shown, 422)

    def _draw(self, shown: dict[str, Any], status: int) -> HttpResponse:
        forms = shown.pop("engine_forms", None) or EngineForms(self._chatflow)
        needed = permission_for(self._chatflow, "update")
        context: dict[str, Any] = {
            "chatflow": self._chatflow,
            "engine_form": forms.choice,
            "kinds": forms.kinds,
            "may_edit": self._request.principal.may_do(needed),
        }
        if self._chatflow.kind.answers_from_entries:
            context |= self._entries(shown)
        return render(self._request, "chatflows/engine.html", context | shown, status=status)

    def _entries(self, shown: dict[str, Any]) -> dict[str, Any]:
        """Return the entries, the unanswered questions, and a fresh form for each."""
        answers: UnansweredQuestion | None = shown.get("answers")
        question = {"question": answers.question} if answers else None
        edited: FaqEntry | None = shown.get("entry")
        q = searched(self._request)
        found = self._found(q)
        if (
            edited is not None
        ):  # its form was refused and is drawn again, whatever page of the list it is on
            found = self._chatflow.faq_entries.filter(pk=edited.pk)
        page = Paginator(found, ENTRIES_PER_PAGE).get_page(self._request.GET.get("page"))
        for entry in page:
            entry.version = entries.version_of(entry)  # type: ignore[attr-defined]
        return {
            "entries": page,
            "q": q,
            "unanswered": list(self._chatflow.unanswered_questions.all()[:UNANSWERED_SHOWN]),
            "form": FaqEntryForm(initial=question),
            "fallback_form": FallbackForm.of(self._chatflow),
            "entry_id": edited.pk if edited else None,
        }

    def _found(self, q: str) -> QuerySet[FaqEntry]:
        every = self._chatflow.faq_entries.all()
        if not q:
            return every
        return every.filter(question__icontains=q) | every.filter(answer__icontains=q)


def chosen_unanswered(chatflow: Chatflow, number: str) -> UnansweredQuestion | None:
    """Return the unanswered question that a request names, if it still exists."""
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return chatflow.unanswered_questions.filter(pk=number).first()
