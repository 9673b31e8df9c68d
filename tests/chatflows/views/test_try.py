"""Try it: a member asks in the own session, with no key, streamed or in one piece."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from accounts.services import members, sessions, teams
from chatflows.access import codes
from chatflows.calls import store, usage
from chatflows.engines import Event, Events, Failed, Question, Sources, Token
from chatflows.engines.pool import EnginePool
from chatflows.faq import entries
from chatflows.models import Call, Chatflow, Conversation, Message, UnansweredQuestion
from chatflows.predictions import running
from chatflows.services import chatflows, playground
from tests import factories

CHAT = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"
ASKED = {"question": "When are you open?", "chat_id": CHAT}


def url(chatflow_id: UUID, name: str = "chatflow_try") -> str:
    return reverse(name, args=["acme", chatflow_id])


@pytest.fixture
def shop(faq: Chatflow) -> Chatflow:
    entries.add(faq, "When are you open?", "From nine to five.", factories.TESTER)
    faq.refresh_from_db()
    return faq


def read(response: Any) -> list[dict[str, Any]]:
    """The frames of a streamed answer, read as the server reads them."""
    assert isinstance(response, StreamingHttpResponse)

    async def collect() -> bytes:
        sent = b"".join([part async for part in response])
        await sync_to_async(connections.close_all)()  # as the end of a request does
        return sent

    sent = asyncio.run(collect()).decode()
    parts = [part.removeprefix("message:\ndata:") for part in sent.split("\n\n") if part]
    return [json.loads(part) for part in parts]


class Scripted:
    """An engine that says what it is told, and notes that it was closed."""

    def __init__(self, *events: Event, hangs: bool = False) -> None:
        self.events, self.hangs = events, hangs
        self.question: Question | None = None
        self.is_closed = False

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        self.question = question
        try:
            for event in self.events:
                yield [event]
            if self.hangs:
                await asyncio.Event().wait()
        finally:
            self.is_closed = True

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "Scripted":
        async def get(*_: object) -> Scripted:
            return self

        monkeypatch.setattr(EnginePool, "get", get)
        return self


def test_the_page_asks_for_no_key_and_holds_none(
    as_alice: Client, shop: Chatflow, issued_default_key: str
) -> None:
    body = as_alice.get(url(shop.id)).content.decode()
    assert "no key is needed" in body
    assert "flk_sk_" not in body
    assert reverse("chatflow_try_stream", args=["acme", shop.id]) in body


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["keys", "public", "off"])
def test_a_member_is_answered_in_frames_whatever_the_access_mode(
    as_alice: Client, shop: Chatflow, mode: str
) -> None:
    Chatflow.objects.filter(pk=shop.pk).update(access_mode=mode)
    response = as_alice.post(url(shop.id, "chatflow_try_stream"), ASKED)
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-store"
    frames = read(response)
    events = [one["event"] for one in frames]
    assert events == ["start", *["token"] * 4, "sourceDocuments", "html", "metadata", "end"]
    assert "".join(f["data"] for f in frames if f["event"] == "token") == "From nine to five."
    assert frames[-2]["data"]["chatId"] == CHAT


@pytest.mark.django_db(transaction=True)
def test_it_is_recorded_as_a_members_and_not_as_a_call_of_a_key(
    as_alice: Client, alice: User, shop: Chatflow
) -> None:
    read(as_alice.post(url(shop.id, "chatflow_try_stream"), ASKED))
    call = Call.objects.get()
    assert (call.reason, call.key_id, call.key_name) == ("playground", None, "")
    assert (call.status, call.code, call.allowed, call.streamed) == (200, "ok", True, True)
    assert call.client_address == "127.0.0.1"
    conversation = Conversation.objects.get()
    assert (conversation.caller, conversation.chat_id) == (f"person:{alice.pk}", CHAT)
    assert conversation.messages.get().answer == "From nine to five."
    body = as_alice.get(reverse("chatflow_access", args=["acme", shop.id])).content.decode()
    assert "Asked by a member" in body or "A member" in body
    assert usage.calls_of_chatflow(shop, 14) == 0


def test_without_scripts_it_answers_in_one_piece(as_alice: Client, shop: Chatflow) -> None:
    body = as_alice.post(url(shop.id), ASKED).content.decode()
    assert "From nine to five." in body
    assert "Whole after" in body
    assert "1 source" in body
    assert f'value="{CHAT}"' in body
    again = as_alice.post(url(shop.id), {**ASKED, "question": "And parrots?"}).content.decode()
    assert again.index("From nine to five.") < again.index("And parrots?")
    assert UnansweredQuestion.objects.get().question == "And parrots?"


@pytest.mark.django_db(transaction=True)
def test_an_earlier_turn_goes_along_and_never_another_members(
    as_alice: Client, as_eddie: Client, shop: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_eddie.post(url(shop.id), {**ASKED, "question": "Eddie's secret?"})
    as_alice.post(url(shop.id), ASKED)
    factories.let_remember(shop)
    engine = Scripted(Token("Yes.")).install(monkeypatch)
    body = as_alice.post(url(shop.id), {**ASKED, "question": "Really?"}).content.decode()
    assert engine.question is not None
    assert [turn.question for turn in engine.question.history] == ["When are you open?"]
    assert "Eddie" not in body


@pytest.mark.django_db(transaction=True)
def test_a_failure_is_told_and_recorded(
    as_alice: Client, shop: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Failed(codes.UPSTREAM_TIMEOUT, "The server was silent.")
    engine = Scripted(Token("Half"), failed).install(monkeypatch)
    frames = read(as_alice.post(url(shop.id, "chatflow_try_stream"), ASKED))
    assert [one["event"] for one in frames] == ["start", "token", "error"]
    assert engine.is_closed
    assert (Call.objects.get().status, Call.objects.get().code) == (504, "upstream_timeout")
    body = as_alice.post(url(shop.id), ASKED).content.decode()
    assert "The server was silent." in body


@pytest.mark.django_db(transaction=True)
def test_a_client_that_leaves_ends_it(
    as_alice: Client, shop: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Scripted(Token("Half"), hangs=True).install(monkeypatch)
    response: Any = as_alice.post(url(shop.id, "chatflow_try_stream"), ASKED)

    async def leave() -> None:
        async def reading() -> None:
            async for _ in response:
                got.set()

        got = asyncio.Event()
        task = asyncio.ensure_future(reading())
        await got.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await sync_to_async(connections.close_all)()

    asyncio.run(leave())
    assert engine.is_closed
    assert Call.objects.get().code == "client_gone"
    assert not Message.objects.get().is_complete
    assert running.registry._running == {}


CLOSINGS: dict[str, Callable[[User, Chatflow], object]] = {
    "removed": lambda user, _: members.remove(_membership(user), factories.TESTER),
    "demoted": lambda user, _: members.change_role(
        _membership(user), Role.VIEWER, factories.TESTER
    ),
    "team suspended": lambda _, flow: teams.suspend(flow.team, factories.TESTER),
    "team deleted": lambda _, flow: teams.delete(flow.team, factories.TESTER),
    "logged out": lambda user, _: sessions.end_all(user),
    "not active": lambda user, _: User.objects.filter(pk=user.pk).update(is_active=False),
    "chatflow deleted": lambda _, flow: chatflows.delete(flow, factories.TESTER),
}


def _membership(user: User) -> Membership:
    return Membership.objects.get(user=user, team__slug="acme")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("why", CLOSINGS)
def test_a_running_answer_ends_with_the_members_right(  # noqa: PLR0917
    as_eddie: Client,
    eddie: User,
    globex: Team,
    shop: Chatflow,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factories.join(globex, eddie, Role.OWNER)  # it ends by the right in this team
    monkeypatch.setattr(running, "EVERY", 0.01)
    engine = Scripted(Token("Half"), hangs=True).install(monkeypatch)
    response = as_eddie.post(url(shop.id, "chatflow_try_stream"), ASKED)
    CLOSINGS[why](eddie, shop)
    frames = read(response)
    assert (frames[-1]["event"], frames[-1]["data"]) == ("error", codes.CLOSED.sentence)
    assert engine.is_closed
    assert running.registry._running == {}


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_cannot_be_recorded_is_whole_all_the_same(
    as_alice: Client, shop: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(store, "write", fail)
    frames = read(as_alice.post(url(shop.id, "chatflow_try_stream"), ASKED))
    assert frames[-1]["event"] == "end"


def test_the_number_of_answers_at_once_is_bounded(
    as_alice: Client, alice: User, shop: Chatflow
) -> None:
    member = playground.member(alice.pk, "", "")
    with factories.running(playground.answers, member.caller, playground.MAX_STREAMS_PER_MEMBER):
        response = as_alice.post(url(shop.id, "chatflow_try_stream"), ASKED)
        assert (response.status_code, response["Retry-After"]) == (429, "2")
        assert as_alice.post(url(shop.id), ASKED).status_code == 429
    assert not playground.answers.are_full(member)
    assert running.registry._running == {}


def test_sources_of_any_form_are_shown_escaped(
    as_alice: Client, shop: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = "<script>alert(1)</script>"
    documents: tuple[dict[str, object], ...] = ({"pageContent": odd}, {"x": odd}, {})
    Scripted(Token(odd), Sources(documents)).install(monkeypatch)
    body = as_alice.post(url(shop.id), {**ASKED, "question": odd}).content
    assert b"<script>alert" not in body
    assert b"3 sources" in body


@pytest.mark.parametrize(
    "change",
    [
        {"question": ""},
        {"question": "   "},
        {"question": "x" * 8001},
        {"question": "nul\0"},
        {"chat_id": ""},
        {"chat_id": "x"},
        {"chat_id": "'; DROP TABLE x; --"},
    ],
    ids=lambda change: repr(change)[:30],
)
def test_a_wrong_question_is_refused_and_records_nothing(
    as_alice: Client, shop: Chatflow, change: dict[str, str]
) -> None:
    data = {**ASKED, **change}
    assert as_alice.post(url(shop.id), data).status_code == 422
    response = as_alice.post(url(shop.id, "chatflow_try_stream"), data)
    assert response.status_code == 422
    assert response.json()["detail"]
    assert not Call.objects.exists()


def test_who_may_not_ask_does_not(
    as_vera: Client, as_mallory: Client, client: Client, shop: Chatflow, globex: Team
) -> None:
    for name in ("chatflow_try", "chatflow_try_stream"):
        assert as_vera.post(url(shop.id, name), ASKED).status_code == 403
        assert as_mallory.post(url(shop.id, name), ASKED).status_code == 404
        through_hers = reverse(name, args=[globex.slug, shop.id])
        assert as_mallory.post(through_hers, ASKED).status_code == 404
        assert client.post(url(shop.id, name), ASKED)["Location"].startswith("/login/")
    assert as_vera.get(url(shop.id)).status_code == 403
    assert not Call.objects.exists()


def test_a_stream_wants_the_csrf_token(alice: User, shop: Chatflow) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    for name in ("chatflow_try", "chatflow_try_stream"):
        assert browser.post(url(shop.id, name), ASKED).status_code == 403
    assert not Call.objects.exists()


def test_a_new_visit_is_a_new_conversation(as_alice: Client, shop: Chatflow) -> None:
    ids = {as_alice.get(url(shop.id)).context["form"].initial["chat_id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(isinstance(one, uuid.UUID) for one in ids)


def test_a_deleted_chatflow_is_asked_no_more(as_alice: Client, shop: Chatflow) -> None:
    stream = url(shop.id, "chatflow_try_stream")
    chatflows.delete(shop, factories.TESTER)
    assert as_alice.post(stream, ASKED).status_code == 404
