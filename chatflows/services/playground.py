"""The playground: a member asks a chatflow in the own session, without a key.

Neither the access mode nor the selected keys are asked: the member's permission is. What is asked
here is recorded as a member's, never as a key's.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from chatflows.gate import frames
from chatflows.models import Call
from chatflows.services import asking
from chatflows.services.asking import Asker, Asking, Streams

MAX_STREAMS = 50  # at once, in one process
MAX_STREAMS_PER_MEMBER = 3

streams = Streams(in_all=MAX_STREAMS, each=MAX_STREAMS_PER_MEMBER)


def member(user_id: object, address: str, request_id: str) -> Asker:
    """A member as one who asks."""
    return Asker(f"person:{user_id}", Call.PLAYGROUND, address, request_id)


async def answer(asked: Asking) -> AsyncGenerator[bytes, None]:
    """The answer in Flowise's frames as they come."""
    async with aclosing(asking.answer(asked, streams)) as events:
        async for event in events:
            sent = frames.of_event(asked.prediction, event)
            if sent:
                yield sent
    last = frames.last(asked.prediction)
    if last:
        yield last
