"""The playground: the Try it page, where a member asks without a key."""

import json
import time
import uuid
from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_http_methods

from accounts.forms.base import posted, render_forms
from accounts.guards import TeamRequest
from accounts.login.session_store import digest_of
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from chatflows.forms.chatflows import AskForm
from chatflows.protocols.client import HEARTBEAT
from chatflows.services import playground, questions
from chatflows.services.playground import Place
from chatflows.services.questions import PersonsQuestion, Questioner
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view

TOO_MANY = "Three of your answers run already. Wait for one to end, or stop it."


@chatflow_view(Permission.PREDICTIONS_CREATE)
@require_http_methods(["GET", "HEAD", "POST"])
def chatflow_try(request: ChatflowRequest) -> HttpResponse:
    """Show the page. A POST (without JavaScript) is answered in one piece."""
    form = AskForm(posted(request), initial={"chat_id": uuid.uuid4()})
    if not form.is_valid():
        return _page(request, form)
    if playground.answers.are_full(_member(request)):
        form.add_error("question", TOO_MANY)
        return _page(request, form, 429)
    chat_id = form.cleaned_data["chat_id"]
    question = _begin(request, form)
    frames = async_to_sync(_collect)(question, _place(request))
    told: dict[str, Any] = {
        "turns": questions.turns(request.chatflow, question.questioner, str(chat_id)),
        "failure": question.prediction.failure,
        "sources": [_source(one) for one in question.prediction.sources],
        "frames": frames,
        "seconds": round(time.perf_counter() - question.started, 2),
    }
    return _page(request, AskForm(initial={"chat_id": chat_id}), **told)


@chatflow_view(Permission.PREDICTIONS_CREATE)
@posted_from("chatflow_try")
def chatflow_try_stream(request: ChatflowRequest) -> HttpResponseBase:
    """Answer a question as a stream of Flowise's frames."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"detail": form.first_error}, status=422)
    if playground.answers.are_full(_member(request)):
        return JsonResponse({"detail": TOO_MANY}, status=429, headers={"Retry-After": "2"})
    return StreamingHttpResponse(
        playground.answer(_begin(request, form), _place(request)),
        content_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


def _begin(request: ChatflowRequest, form: AskForm) -> PersonsQuestion:
    return questions.begin(request.chatflow, _member(request), *form.question_and_chat)


def _member(request: TeamRequest) -> Questioner:
    return playground.member(request.user.pk, request.address, request.id)


def _place(request: TeamRequest) -> Place:
    digest = digest_of(request.session.session_key or "")
    return Place(request.team, request.user, digest)


async def _collect(question: PersonsQuestion, place: Place) -> list[str]:
    """Run the answer, and return its frames as texts without their envelopes."""
    sent = [line async for line in playground.answer(question, place) if line != HEARTBEAT]
    texts = [line.decode().removeprefix("message:\ndata:").strip() for line in sent]
    return [text for text in texts if not text.startswith('{"event":"html"')]


def _source(document: dict[str, Any]) -> str:
    content = document.get("pageContent")
    return content if isinstance(content, str) else json.dumps(document, ensure_ascii=False)


def _page(
    request: ChatflowRequest, form: AskForm, status: int | None = None, **told: Any
) -> HttpResponse:
    context = {"chatflow": request.chatflow, "form": form, **told}
    return render_forms(request, "chatflows/try.html", context, status)
