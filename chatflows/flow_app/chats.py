"""Hosted chats: publish a chatflow in its team's flow app, and answer visitors' questions."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial

from asgiref.sync import sync_to_async
from django.db import transaction

from accounts import audit
from accounts.limits import stores
from accounts.limits.rates import Rate
from accounts.limits.too_many import TooMany
from accounts.network.addresses import network_of
from accounts.permissions import Actor
from accounts.services import versions
from chatflows import markdown
from chatflows.access import codes
from chatflows.engines import Event, Failed, Frame, Heartbeat, Sources, Token, Whole
from chatflows.flow_app import visits
from chatflows.flow_app.visits import Visit
from chatflows.models import Call, Chatflow, Conversation, FlowSession, HostedChat
from chatflows.predictions.prediction import Prediction
from chatflows.protocols.client import HEARTBEAT
from chatflows.protocols.flowise.frames import END, frame
from chatflows.services import questions
from chatflows.services.questions import PersonsAnswers, PersonsQuestion, Questioner

MAX_STREAMS = 200  # at once, in one process
MAX_STREAMS_PER_VISIT = 3
MAX_SOURCES = 20
SOURCE_LENGTH = 400  # characters
TOO_FAST = "Too many questions come from your network. Wait a minute, then ask again."
BUSY = "Too many answers run at once. Wait for one to end, then ask again."
CANNOT = "The assistant can't answer right now. Ask again in a moment."
NOT_READY = "This chat is not ready yet. Ask the people who run it."
CLOSED = "This chat was closed just now. Load the page again."

# For each minute and network, if nobody logs in.
QUESTIONS = Rate("hosted-chat-network", 30)

answers = PersonsAnswers(
    in_all=MAX_STREAMS, each=MAX_STREAMS_PER_VISIT, each_address=MAX_STREAMS // 2
)


@dataclass(frozen=True, slots=True)
class Shown:
    """How the flow app shows a chatflow."""

    is_published: bool
    title: str
    welcome: str = ""
    starters: str = ""


def version_of(chat: HostedChat) -> str:
    """Return the version of what visitors see."""
    return versions.of(asdict(_shown(chat)))


@transaction.atomic
def save(chatflow: Chatflow, shown: Shown, by: Actor, *, version: str | None = None) -> HostedChat:
    """Publish a chatflow or unpublish it, from the next request on.

    Raises ValidationError, and Stale if `version` is an older one.
    """
    # The chat may have no row yet, so its chatflow is locked.
    locked = Chatflow.objects.select_for_update(no_key=True).get(pk=chatflow.pk)
    versions.check(version, asdict(_shown(of(locked))))
    chat = HostedChat.objects.filter(chatflow=chatflow).first()
    before = asdict(_shown(chat)) if chat else None
    chat = chat or HostedChat(chatflow=chatflow)
    for name, value in asdict(shown).items():
        setattr(chat, name, value)
    chat.full_clean(validate_unique=False)
    chat.save()
    if asdict(shown) != before:
        audit.record(
            chatflow.team_id,
            "chatflow.set_hosted_chat",
            by,
            audit.Target("chatflow", str(chatflow.pk), chatflow.name),
            before=before,
            after=asdict(shown),
        )
    return chat


def of(chatflow: Chatflow) -> HostedChat:
    """Return a chatflow's hosted chat. One that nobody has set is unpublished, under its name."""
    chat = HostedChat.objects.filter(chatflow=chatflow).first()
    return chat or HostedChat(chatflow=chatflow, title=chatflow.name)


def visitor(session: FlowSession, address: str, request_id: str) -> Questioner:
    """Return a visit as a questioner."""
    return Questioner(session.caller, Call.HOSTED, address, request_id)


def count_question(visit: Visit, address: str) -> None:
    """Count a question in an open flow app. Those of visitors who logged in are not counted.

    Raises TooMany if too many questions came from the network.
    """
    if not visit.is_open:
        return
    admission = stores.admit([(QUESTIONS, network_of(address))])
    if not admission.is_admitted:
        raise TooMany(timedelta(seconds=admission.wait), TOO_FAST)


def latest_chat_id(session: FlowSession, chat: HostedChat) -> str | None:
    """Return the conversation that this visit began last."""
    mine = Conversation.objects.filter(chatflow=chat.chatflow, caller=session.caller)
    return mine.order_by("-id").values_list("chat_id", flat=True).first()


async def events(question: PersonsQuestion, visit: Visit) -> AsyncGenerator[Event, None]:
    """Yield the answer's events, for as long as the visit lives and the chat is published."""
    holds = partial(visits.holds, visit, question.chatflow.id)
    async with aclosing(questions.answer(question, answers, holds)) as answer:
        async for event in answer:
            yield event


async def answer(question: PersonsQuestion, visit: Visit) -> AsyncGenerator[bytes, None]:
    """Yield frames of what a visitor may see: words, sources, and at the end the answer as HTML.

    Tools, metadata and an upstream's own errors are not sent.
    """
    async with aclosing(events(question, visit)) as answer:
        async for event in answer:
            for sent in _frames(event):
                yield sent
    if question.prediction.is_complete:
        yield frame("html", await sync_to_async(markdown.to_html)(question.prediction.text))
        yield END


def words_of(failure: Failed) -> str:
    """Return what a visitor is told about a failure. The code is for the team alone."""
    known = {
        codes.TOO_MANY_STREAMS: BUSY,
        codes.CLOSED: CLOSED,
        codes.UPSTREAM_UNSET: NOT_READY,
    }
    return known.get(failure.code, CANNOT)


def sources_of(prediction: Prediction) -> list[str]:
    """Return the texts of an answer's sources."""
    documents: object = prediction.sources
    if prediction.whole is not None:
        documents = prediction.whole.get("sourceDocuments")
    return _texts(documents)


def _frames(event: Event) -> list[bytes]:  # noqa: PLR0911 (a table)
    match event:
        case Token(text) | Frame(name="token", text=text):
            return [frame("token", text)]
        case Sources(documents):
            return [frame("sources", _texts(documents))]
        case Frame(name="sourceDocuments", data=documents):
            return [frame("sources", _texts(documents))]
        case Whole(value):
            sources = frame("sources", _texts(value.get("sourceDocuments")))
            return [frame("token", event.text), sources]
        case Failed():
            return [frame("error", words_of(event))]
        case Heartbeat():
            return [HEARTBEAT]
        case _:
            return []


def _texts(documents: object) -> list[str]:
    found = documents if isinstance(documents, list | tuple) else []
    texts = [one.get("pageContent") for one in found if isinstance(one, dict)]
    return [text[:SOURCE_LENGTH] for text in texts if isinstance(text, str)][:MAX_SOURCES]


def _shown(chat: HostedChat) -> Shown:
    return Shown(chat.is_published, chat.title, chat.welcome, chat.starters)
