"""The playground: a member asks a chatflow in their own session, without a key.

The member's permission counts, and neither the access mode nor the selected keys. A question is
recorded as the member's, never as a key's.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from asgiref.sync import sync_to_async

from accounts.models import Team, User
from accounts.permissions import Permission
from accounts.services import members, sessions
from chatflows import markdown
from chatflows.models import Call, Chatflow
from chatflows.protocols.flowise import frames
from chatflows.protocols.flowise.frames import frame
from chatflows.services import questions
from chatflows.services.questions import PersonsAnswers, PersonsQuestion, Questioner

MAX_STREAMS = 50  # at once, in one process
MAX_STREAMS_PER_MEMBER = 3

answers = PersonsAnswers(in_all=MAX_STREAMS, each=MAX_STREAMS_PER_MEMBER)


@dataclass(frozen=True, slots=True)
class Place:
    """The team, user and session of a member who asks, to look up the right to an answer."""

    team: Team
    user: User
    session_digest: str


def member(user_id: object, address: str, request_id: str) -> Questioner:
    """Return a member as a questioner."""
    return Questioner(f"person:{user_id}", Call.PLAYGROUND, address, request_id)


def holds(place: Place, chatflow: Chatflow) -> bool:
    """Whether a running answer may go on.

    The session has to live, the role has to allow it, and the chatflow has to be the team's.
    """
    return (
        members.may(place.team, place.user, Permission.PREDICTIONS_CREATE)
        and sessions.is_open(place.user, place.session_digest)
        and Chatflow.objects.of(place.team).filter(pk=chatflow.pk).exists()
    )


async def answer(question: PersonsQuestion, place: Place) -> AsyncGenerator[bytes, None]:
    """Yield the answer in Flowise's frames, for as long as the member's right holds."""
    still = partial(holds, place, question.chatflow)
    async with aclosing(questions.answer(question, answers, still)) as events:
        async for event in events:
            sent = frames.of_event(question.prediction, event)
            if sent:
                yield sent
    if question.prediction.is_complete:  # as the hosted chat draws it
        yield frame("html", await sync_to_async(markdown.to_html)(question.prediction.text))
    last = frames.last(question.prediction)
    if last:
        yield last
