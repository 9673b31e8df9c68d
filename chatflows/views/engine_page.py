"""The Engine page, which each of its views draws again with a refused form."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.forms.base import searched
from accounts.login.ways_back import page_of
from chatflows.faq import entries
from chatflows.forms.chatflows import FallbackForm, FaqEntryForm
from chatflows.forms.engines import EngineForms
from chatflows.models import Chatflow, FaqEntry, UnansweredQuestion
from chatflows.permissions import permission_for
from chatflows.views.chatflow_guard import ChatflowRequest

ENTRIES_PER_PAGE = 50
UNANSWERED_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Place:
    """The place in the list of entries where a form stood: its search and its page."""

    path: str
    q: str
    page: str

    @classmethod
    def of(cls, request: ChatflowRequest) -> "Place":
        """Return the place of a form of the Engine page, or of a page that it leads to."""
        slug, chatflow = request.team.slug, request.chatflow
        _, _, query = page_of(request).partition("?")
        fields = request.GET if request.method == "GET" else QueryDict(query)
        path = reverse("chatflow_engine", args=[slug, chatflow.id])
        return cls(path, fields.get("q", "").replace("\0", "").strip(), fields.get("page", ""))

    @property
    def query(self) -> str:
        """The query of the place, without its question mark."""
        return urlencode({name: text for name in ("q", "page") if (text := getattr(self, name))})

    @property
    def suffix(self) -> str:
        """The query with its question mark, if there is one."""
        return f"?{self.query}" if self.query else ""

    def show(self, part: str) -> HttpResponse:
        """Lead back there, to a part of the page."""
        return redirect(f"{self.path}{self.suffix}#{part}")

    def show_after(self, chatflow: Chatflow, entry_id: int) -> HttpResponse:
        """Lead back to the entry that took the place of a deleted one."""
        there = found(chatflow, self.q)
        following = there.filter(pk__gt=entry_id).first() or there.filter(pk__lt=entry_id).last()
        return self.show(f"entry-{following.pk}" if following else "entries")


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
        shown_entries = found(self._chatflow, q)
        if (
            edited is not None
        ):  # its form was refused and is drawn again, whatever page of the list it is on
            shown_entries = self._chatflow.faq_entries.filter(pk=edited.pk)
        page = Paginator(shown_entries, ENTRIES_PER_PAGE).get_page(self._request.GET.get("page"))
        for entry in page:
            entry.version = entries.version_of(entry)  # type: ignore[attr-defined]
        return {
            "entries": page,
            "q": q,
            "place": Place.of(self._request),
            "unanswered": list(self._chatflow.unanswered_questions.all()[:UNANSWERED_SHOWN]),
            "form": FaqEntryForm(initial=question),
            "fallback_form": FallbackForm.of(self._chatflow),
            "entry_id": edited.pk if edited else None,
        }


def found(chatflow: Chatflow, q: str) -> QuerySet[FaqEntry]:
    """Return the entries that a search finds."""
    every = chatflow.faq_entries.all()
    if not q:
        return every
    return every.filter(question__icontains=q) | every.filter(answer__icontains=q)


def chosen_unanswered(chatflow: Chatflow, number: str) -> UnansweredQuestion | None:
    """Return the unanswered question that a request names, if it still exists."""
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return chatflow.unanswered_questions.filter(pk=number).first()
