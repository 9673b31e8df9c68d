"""Asking: questions of pages share their engines, and a changed engine answers the next one."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

import pytest
from aiohttp import web
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections

from accounts.network import connections as ways_out
from chatflows.engines import Event, Token
from chatflows.faq import entries
from chatflows.models import Chatflow, UsageHour
from chatflows.services import engines, questions
from chatflows.services.questions import PersonsAnswer, PersonsAnswers, Questioner
from tests import factories
from tests.chatflows.engines.upstreams import FLOW, KEY, Flowise, Host, hosting

pytestmark = pytest.mark.django_db(transaction=True)

QUESTIONER = Questioner("person:1", "playground", "192.0.2.1", "req_1")


class Aborted(Flowise):
    """Tells when it was told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.was_aborted = threading.Event()

    async def _abort(self, request: web.Request) -> web.Response:
        self.was_aborted.set()
        return await super()._abort(request)


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as running:
        yield running


async def ask(chatflow: Chatflow, question: str, *, most: int = 1000) -> list[Event]:
    """The events of one answer, or the first of them."""
    fresh = await sync_to_async(Chatflow.objects.get)(pk=chatflow.pk)
    begun = await sync_to_async(questions.begin)(fresh, QUESTIONER, question, FLOW)
    told: list[Event] = []
    async with aclosing(
        questions.answer(begun, PersonsAnswers(in_all=9, each=9), lambda: True)
    ) as events:
        async for event in events:
            told.append(event)
            if len(told) == most:
                break
    return told


async def let_go() -> None:
    await sync_to_async(connections.close_all)()


def test_a_changed_engine_answers_the_next_question(
    faq: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    source = questions._Sources.engine_source

    async def counting(self: questions._Sources, chatflow_id: object) -> object:
        read.append(chatflow_id)
        return await source(self, chatflow_id)  # type: ignore[arg-type]

    monkeypatch.setattr(questions._Sources, "engine_source", counting)

    async def talk() -> list[str]:
        said = []
        for answer in ("", "", "From nine to five."):
            if answer:
                add = sync_to_async(entries.add)
                await add(faq, "When are you open?", answer, factories.TESTER)
            told = await ask(faq, "When are you open?")
            said.append("".join(one.text for one in told if isinstance(one, Token)))
        await let_go()
        return said

    said = asyncio.run(talk())
    assert said[0] == said[1] != "From nine to five."
    assert said[2] == "From nine to five."
    assert read == [faq.id, faq.id]  # the second question found its engine ready


def test_an_answer_that_is_stopped_is_stopped_at_flowise_too(faq: Chatflow, host: Host) -> None:
    upstream = Aborted()
    config = {"base_url": host.serve(upstream.app), "flow_id": FLOW}
    engines.save(faq, "flowise", config, KEY, factories.TESTER)

    async def leave() -> bool:
        await ask(faq, "drip a b", most=3)
        was_aborted = await asyncio.to_thread(upstream.was_aborted.wait, 5)
        await let_go()
        return was_aborted

    assert asyncio.run(leave())


def test_questions_share_a_connection(
    faq: Chatflow, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways_out, "REST", 0.0)
    peers: list[object] = []

    class Noting(Flowise):
        async def _predict(self, request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            peers.append(request.transport.get_extra_info("peername"))
            return await super()._predict(request)

    config = {"base_url": host.serve(Noting().app), "flow_id": FLOW}
    engines.save(faq, "flowise", config, KEY, factories.TESTER)

    async def talk() -> None:
        await ask(faq, "whole")
        await ask(faq, "whole")
        await let_go()

    asyncio.run(talk())
    assert len(peers) == 2
    assert peers[0] == peers[1]


def test_tokens_of_a_page_cost_the_chatflow(faq: Chatflow, host: Host) -> None:
    config = {"base_url": host.serve(Flowise().app), "flow_id": FLOW}
    engines.save(faq, "flowise", config, KEY, factories.TESTER)
    Chatflow.objects.filter(pk=faq.pk).update(price=1_000_000)

    async def talk() -> None:
        await ask(faq, "whole")
        await let_go()

    asyncio.run(talk())
    hour = UsageHour.objects.get()
    assert (hour.let_in, hour.tried) == (1, 1)
    assert hour.tokens == hour.cost > 0


@pytest.mark.parametrize(
    ("fault", "asked"), [(OperationalError(), 1), (ValueError(), 3)], ids=["away", "fault"]
)
def test_rights_that_cannot_be_read_are_misses_and_an_outage_is_waited_for_once(
    faq: Chatflow, fault: Exception, asked: int
) -> None:
    calls: list[object] = []

    def holds() -> bool:
        calls.append(fault)
        raise fault

    async def recheck() -> list[int]:
        group = PersonsAnswers(in_all=9, each=9)
        begun = await sync_to_async(questions.begin)(faq, QUESTIONER, "?", FLOW)
        mine = [PersonsAnswer(group, begun, holds) for _ in range(3)]
        await group.recheck(mine)
        await let_go()
        return [each.misses for each in mine]

    assert asyncio.run(recheck()) == [1, 1, 1]
    assert len(calls) == asked
