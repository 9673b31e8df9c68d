"""Hosted chats: the page of a chat, and the answer as a stream. They use no key."""

import uuid
from contextlib import aclosing
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_http_methods

from accounts.forms.base import posted, render_forms
from accounts.limits.too_many import TooMany
from accounts.login.ways_back import posted_from
from chatflows.flow_app import chats, visits
from chatflows.flow_app.visits import Visit
from chatflows.forms.chatflows import AskForm
from chatflows.models import FlowSession, HostedChat
from chatflows.services import questions
from chatflows.services.questions import PersonsQuestion
from chatflows.views.flow_guard import VisitRequest, flow_view, remember


@flow_view
@require_http_methods(["GET", "HEAD", "POST"])
def hosted_chat(request: VisitRequest, chatflow_id: UUID) -> HttpResponse:
    """Show the conversation. A POST (without JavaScript) is answered in one piece."""
    chat = _chat(request, chatflow_id)
    form = AskForm(posted(request), initial={"chat_id": _chat_id(request, chat)})
    if not form.is_valid():
        return _page(request, chat, form)
    try:
        chats.count_question(request.visit, request.address)
    except TooMany as error:
        form.add_error("question", str(error))
        return error.mark(_page(request, chat, form, 429))
    session, cookie = _session(request)
    questioner = chats.visitor(session, request.address, request.id)
    if chats.answers.are_full(questioner):
        form.add_error("question", chats.BUSY)
        return _page(request, chat, form, 429)
    question = questions.begin(chat.chatflow, questioner, *form.question_and_chat)
    async_to_sync(_collect)(question, _visit(request, session))
    again = AskForm(initial={"chat_id": form.cleaned_data["chat_id"]})
    response = _page(request, chat, again, session=session, **_told(question))
    if cookie:
        remember(response, cookie)
    return response


@flow_view
@posted_from("hosted_chat")
def hosted_chat_stream(request: VisitRequest, chatflow_id: UUID) -> HttpResponseBase:
    """Answer a question as a stream."""
    chat = _chat(request, chatflow_id)
    form = AskForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"detail": form.first_error}, status=422)
    try:
        chats.count_question(request.visit, request.address)
    except TooMany as error:
        return error.mark(JsonResponse({"detail": str(error)}))
    session, cookie = _session(request)
    questioner = chats.visitor(session, request.address, request.id)
    if chats.answers.are_full(questioner):
        return JsonResponse({"detail": chats.BUSY}, status=429, headers={"Retry-After": "2"})
    question = questions.begin(chat.chatflow, questioner, *form.question_and_chat)
    response = StreamingHttpResponse(
        chats.answer(question, _visit(request, session)),
        content_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )
    if cookie:
        remember(response, cookie)
    return response


def _chat(request: VisitRequest, chatflow_id: UUID) -> HostedChat:
    chat = visits.chat(request.visit, chatflow_id)
    if chat is None:
        raise Http404
    return chat


def _chat_id(request: VisitRequest, chat: HostedChat) -> str:
    """Return the visit's last conversation, so that a reload shows it, or a new one for `?new`."""
    session = request.visit.session
    if session is None or "new" in request.GET:
        return str(uuid.uuid4())
    return chats.latest_chat_id(session, chat) or str(uuid.uuid4())


def _session(request: VisitRequest) -> tuple[FlowSession, str]:
    """Return the visit's session. In an open flow app the first question begins one."""
    if request.visit.session is not None:
        return request.visit.session, ""
    return visits.begin(request.visit.app)


def _visit(request: VisitRequest, session: FlowSession) -> Visit:
    return Visit(request.visit.team, request.visit.app, session)


async def _collect(question: PersonsQuestion, visit: Visit) -> None:
    async with aclosing(chats.events(question, visit)) as events:
        async for _ in events:
            pass


def _told(question: PersonsQuestion) -> dict[str, Any]:
    failure = question.prediction.failure
    return {
        "failure": chats.words_of(failure) if failure else "",
        "sources": chats.sources_of(question.prediction),
    }


def _page(
    request: VisitRequest,
    chat: HostedChat,
    form: AskForm,
    status: int | None = None,
    session: FlowSession | None = None,
    **told: Any,
) -> HttpResponse:
    session = session or request.visit.session
    turns = []
    if session is not None:
        questioner = chats.visitor(session, "", "")
        turns = questions.turns(chat.chatflow, questioner, str(form["chat_id"].value()))
    context = {"visit": request.visit, "chat": chat, "form": form, "turns": turns, **told}
    return render_forms(request, "chatflows/hosted_chat.html", context, status)
