"""A hosted chat: answers as they come, in a conversation of the visit, and no more than that."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import worker
from accounts.limits.rates import Rate
from accounts.models import Team
from chatflows.access import codes
from chatflows.calls import usage
from chatflows.engines import Done, Event, Failed, Frame, PastTurn, Sources, Token, Usage, Whole
from chatflows.faq import entries
from chatflows.flow_app import chats, flow_apps, visits
from chatflows.flow_app.chats import Shown
from chatflows.flow_app.flow_apps import Login
from chatflows.models import Call, Chatflow, Conversation, FlowSession, Message
from chatflows.predictions import running
from tests import factories
from tests.chatflows.views.test_try import Scripted, read

CHAT = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"
ASKED = {"question": "When are you open?", "chat_id": CHAT}
PASSWORD = "seven quiet lanterns"
ODD = "<script>alert(1)</script>"


@pytest.fixture
def shop(acme: Team, faq: Chatflow) -> Chatflow:
    """A published chatflow with one entry, behind the password."""
    entries.add(faq, "When are you open?", "From **nine** to five.", factories.TESTER)
    flow_apps.save(acme, "password", Login("guests", PASSWORD), factories.TESTER)
    chats.save(faq, Shown(True, "Ask acme", "Hello.", "Where?\nWhen?"), factories.TESTER)
    faq.refresh_from_db()
    return faq


@pytest.fixture
def enter(shop: Chatflow) -> Callable[[], Client]:
    """Lets one more visitor in."""

    def one_more() -> Client:
        browser = Client()
        given = {"username": "guests", "password": PASSWORD}
        assert browser.post("/flow/acme/login/", given).status_code == 302
        return browser

    return one_more


@pytest.fixture
def visitor(enter: Callable[[], Client]) -> Client:
    return enter()


@pytest.fixture
def page(shop: Chatflow) -> str:
    return reverse("hosted_chat", args=["acme", shop.id])


def text(frames: list[dict[str, Any]]) -> str:
    return "".join(f["data"] for f in frames if f["event"] == "token")


@pytest.mark.django_db(transaction=True)
def test_the_answer_comes_in_words_and_ends_as_safe_html(visitor: Client, page: str) -> None:
    response = visitor.post(page + "stream/", ASKED)
    assert response["Content-Type"] == "text/event-stream"
    frames = read(response)
    events = [one["event"] for one in frames]
    assert events == [*["token"] * 4, "sources", "html", "end"]
    assert text(frames) == "From **nine** to five."
    assert frames[-2]["data"] == "<p>From <strong>nine</strong> to five.</p>\n"


@pytest.mark.django_db(transaction=True)
def test_it_is_recorded_as_a_visitors(visitor: Client, page: str, shop: Chatflow) -> None:
    read(visitor.post(page + "stream/", ASKED))
    call = Call.objects.get()
    assert (call.reason, call.key_id, call.allowed, call.code) == ("hosted", None, True, "ok")
    assert Conversation.objects.get().caller == FlowSession.objects.get().caller
    assert usage.calls_of_chatflow(shop, 14) == 1
    assert "Asked by a visitor" in call.reason_words


@pytest.mark.parametrize("mode", ["keys", "public"])
def test_without_scripts_it_answers_in_one_piece(
    visitor: Client, page: str, shop: Chatflow, mode: str
) -> None:
    Chatflow.objects.filter(pk=shop.pk).update(access_mode=mode)
    body = visitor.post(page, ASKED).content.decode()
    assert "From <strong>nine</strong> to five." in body
    assert "1 source" in body
    assert f'value="{CHAT}"' in body


@pytest.mark.parametrize(("welcome", "heading"), [("Hello.", "Ask acme"), ("", "What do you want")])
def test_a_chat_without_a_welcome_does_not_say_its_title_twice(
    visitor: Client, shop: Chatflow, page: str, welcome: str, heading: str
) -> None:
    chats.save(shop, Shown(True, "Ask acme", welcome), factories.TESTER)
    body = visitor.get(page).content.decode()
    assert "<h1>Ask acme</h1>" in body
    assert body.partition("<h2>")[2].startswith(heading)


def test_a_reload_shows_the_conversation_and_new_chat_an_empty_one(
    visitor: Client, page: str
) -> None:
    assert "Where?" in visitor.get(page).content.decode()
    visitor.post(page, ASKED)
    body = visitor.get(page).content.decode()
    assert "<strong>nine</strong>" in body
    assert f'value="{CHAT}"' in body
    fresh = visitor.get(page + "?new").content.decode()
    assert "<strong>nine</strong>" not in fresh
    assert CHAT not in fresh


def test_a_chat_id_of_another_visit_begins_an_empty_conversation(
    enter: Callable[[], Client], page: str, shop: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = enter(), enter()
    first.post(page, {**ASKED, "question": "My secret?"})
    factories.let_remember(shop)
    engine = Scripted(Token("Hello."), Done()).install(monkeypatch)
    body = second.post(page, ASKED).content.decode()
    assert "My secret?" not in body
    assert engine.question is not None
    assert len(engine.question.history) == 0
    second.post(page, {**ASKED, "question": "And then?"})
    past: tuple[PastTurn, ...] = engine.question.history
    assert [turn.question for turn in past] == [ASKED["question"]]


def test_a_members_conversation_and_a_visits_never_meet(
    visitor: Client, as_alice: Client, page: str, shop: Chatflow
) -> None:
    as_alice.post(reverse("chatflow_try", args=["acme", shop.id]), ASKED)
    assert Conversation.objects.count() == 1
    visitor.post(page, ASKED)
    assert Conversation.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_visitor_sees_no_tools_no_metadata_and_no_upstream_words(
    visitor: Client, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents: tuple[dict[str, object], ...] = (
        {"pageContent": "a page", "metadata": {"path": "/srv/hidden"}},
    )
    told: tuple[Event, ...] = (
        Frame("agentReasoning", b'{"event":"agentReasoning","data":"hidden"}'),
        Frame("token", b'{"event":"token","data":"Hi"}', "Hi"),
        Frame("metadata", b'{"event":"metadata","data":{"hidden":1}}'),
        Usage(1, 2),
        Sources(documents),
        Frame("error", b'{"event":"error","data":"hidden"}'),
        Failed(codes.UPSTREAM_ERROR, "hidden", is_told=True),
    )
    Scripted(*told).install(monkeypatch)
    frames = read(visitor.post(page + "stream/", ASKED))
    assert [one["event"] for one in frames] == ["token", "sources", "error"]
    assert "hidden" not in json.dumps(frames)
    assert frames[-1]["data"] == chats.CANNOT
    assert Call.objects.get().code == "upstream_error"


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_did_not_stream_is_shown_too(
    visitor: Client, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: dict[str, object] = {
        "text": "Hi",
        "sourceDocuments": [{"pageContent": "a"}, "odd", {"x": 1}],
        "usedTools": ["hidden"],
    }
    Scripted(Whole(whole), Done()).install(monkeypatch)
    frames = read(visitor.post(page + "stream/", ASKED))
    assert [f["event"] for f in frames] == ["token", "sources", "html", "end"]
    assert frames[1]["data"] == ["a"]
    body = visitor.post(page, ASKED).content.decode()
    assert "1 source" in body


def test_what_is_asked_and_answered_is_never_markup(
    visitor: Client, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source: dict[str, object] = {"pageContent": ODD}
    Scripted(Token(ODD), Sources((source,)), Done()).install(monkeypatch)
    body = visitor.post(page, {**ASKED, "question": ODD}).content.decode()
    assert ODD not in body
    assert ODD not in visitor.get(page).content.decode()


CLOSINGS: dict[str, Callable[[Chatflow], object]] = {
    "off": lambda c: flow_apps.save(c.team, "off", None, factories.TESTER),
    "open": lambda c: flow_apps.save(c.team, "open", None, factories.TESTER),
    "password": lambda c: flow_apps.save(
        c.team, "password", Login("guests", PASSWORD + "!"), factories.TESTER
    ),
    "unpublished": lambda c: chats.save(c, Shown(False, "x"), factories.TESTER),
    "access off": lambda c: Chatflow.objects.filter(pk=c.pk).update(access_mode="off"),
    "suspended": lambda c: Team.objects.filter(pk=c.team_id).update(suspended_at=timezone.now()),
    "logged out": lambda _: FlowSession.objects.all().delete(),
    "expired": lambda _: FlowSession.objects.update(expires_at=timezone.now()),
    "deleted": lambda c: Chatflow.objects.filter(pk=c.pk).delete(),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("why", CLOSINGS)
def test_a_running_answer_ends_with_the_right_to_it(
    visitor: Client, page: str, shop: Chatflow, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "EVERY", 0.01)
    engine = Scripted(Token("Half"), hangs=True).install(monkeypatch)
    response = visitor.post(page + "stream/", ASKED)
    CLOSINGS[why](shop)
    frames = read(response)
    assert (frames[-1]["event"], frames[-1]["data"]) == ("error", chats.CLOSED)
    assert engine.is_closed
    assert running.registry._running == {}


@pytest.mark.django_db(transaction=True)
def test_an_open_app_begins_a_visit_with_the_first_question(
    acme: Team, shop: Chatflow, page: str
) -> None:
    flow_apps.save(acme, "open", None, factories.TESTER)
    browser = Client()
    response = browser.post(page + "stream/", ASKED)
    assert settings.FLOW_COOKIE_NAME in response.cookies
    assert text(read(response)) == "From **nine** to five."
    assert "<strong>nine</strong>" in browser.get(page).content.decode()
    browser.post(page, {**ASKED, "question": "Again?"})
    assert FlowSession.objects.count() == 1
    assert "<strong>nine</strong>" not in Client().get(page).content.decode()


def test_the_number_of_answers_at_once_is_bounded(visitor: Client, page: str) -> None:
    caller = FlowSession.objects.get().caller
    with factories.running(chats.answers, caller, chats.MAX_STREAMS_PER_VISIT):
        response = visitor.post(page + "stream/", ASKED)
        assert (response.status_code, response["Retry-After"]) == (429, "2")
        assert visitor.post(page, ASKED).status_code == 429
    assert not Call.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"question": ""},
        {"question": "x" * 8001},
        {"question": "nul\0"},
        {"chat_id": ""},
        {"chat_id": "'; DROP TABLE x; --"},
    ],
    ids=lambda change: str(change)[:30],
)
def test_a_wrong_question_is_refused_and_records_nothing(
    visitor: Client, page: str, change: dict[str, str]
) -> None:
    data = {**ASKED, **change}
    assert visitor.post(page, data).status_code == 422
    response = visitor.post(page + "stream/", data)
    assert response.status_code == 422
    assert response.json()["detail"]
    assert not Call.objects.exists()


def test_a_question_wants_the_csrf_token(visitor: Client, page: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies[settings.FLOW_COOKIE_NAME] = visitor.cookies[settings.FLOW_COOKIE_NAME].value
    assert browser.get(page).status_code == 200
    for path in (page, page + "stream/"):
        assert browser.post(path, ASKED).status_code == 403
    assert not Call.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_reader_who_leaves_ends_it(
    visitor: Client, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Scripted(Token("Half"), hangs=True).install(monkeypatch)
    response: Any = visitor.post(page + "stream/", ASKED)

    async def leave() -> None:
        got = asyncio.Event()

        async def reading() -> None:
            async for _ in response:
                got.set()

        task = asyncio.ensure_future(reading())
        await got.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await sync_to_async(connections.close_all)()

    asyncio.run(leave())
    assert engine.is_closed
    assert not Message.objects.get().is_complete
    assert "The answer ended early" in visitor.get(page).content.decode()


def test_an_open_flow_app_answers_a_network_only_so_often(
    shop: Chatflow, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow_apps.save(shop.team, "open", None, factories.TESTER)
    monkeypatch.setattr(chats, "QUESTIONS", Rate("test-one", 1))
    assert Client().post(page, ASKED).status_code == 200
    before = factories.dump()
    for path in (page, page + "stream/"):
        response = Client().post(path, ASKED)
        assert response.status_code == 429
        assert 1 <= int(response["Retry-After"]) <= 60
        assert b"Wait a minute" in response.content
    assert factories.dump() == before  # no visit was begun either


def test_who_logged_in_is_not_counted(
    visitor: Client, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats, "QUESTIONS", Rate("test-none", 0))
    assert visitor.post(page, ASKED).status_code == 200


def test_the_worker_deletes_visits_that_are_over(visitor: Client, shop: Chatflow) -> None:
    app = flow_apps.of(shop.team)
    ended, _ = visits.begin(app)
    FlowSession.objects.filter(pk=ended.pk).update(expires_at=timezone.now())
    (job,) = [job for job in worker.jobs() if job.name == "visits"]
    job.run(threading.Event())
    assert FlowSession.objects.count() == 1
    assert not FlowSession.objects.filter(pk=ended.pk).exists()
