"""Wires: how a question is read and an answer told, one class for each family of clients."""

from functools import partial
from typing import Any, Protocol

from django.conf import settings

from chatflows import predictions
from chatflows.engines import Event, Question
from chatflows.gate import responses
from chatflows.gate.large_bodies import large_bodies
from chatflows.gate.requests import GateRequest
from chatflows.gate.responses import ErrorForm
from chatflows.gate.verdicts import Verdict
from chatflows.predictions.prediction import Prediction
from chatflows.protocols.encoding import frame
from chatflows.protocols.flowise import bodies, frames, multipart
from chatflows.protocols.flowise.bodies import PredictionBody


class Wire(Protocol):
    """What `prediction.serve` speaks to one client; all that returns bytes is of streams."""

    error: ErrorForm

    async def question(self, request: GateRequest, verdict: Verdict) -> Question | None:
        """What is asked; None for a body of another kind. Raises as bodies and requests do."""

    def whole(self, prediction: Prediction) -> dict[str, Any]:
        """An answer in one piece."""

    def of_event(self, prediction: Prediction, event: Event) -> bytes:
        """What is told of one event, if anything."""

    def last(self, prediction: Prediction) -> bytes:
        """How the stream ends; a broken answer never ends as a whole one does."""

    def broken(self, code: str, sentence: str) -> bytes:
        """The last words of a stream that was ended for a reason."""

    def aborted(self) -> bytes:
        """The last words of a stream that its caller stopped."""


class FlowiseWire:
    """Flowise's JSON and event stream (flowise-wire, sections 1 and 2)."""

    error = staticmethod(responses.error)
    whole = staticmethod(frames.whole)
    of_event = staticmethod(frames.of_event)
    last = staticmethod(frames.last)

    async def question(self, request: GateRequest, verdict: Verdict) -> Question | None:
        """See Wire. Files go only where Flowise answers."""
        reference = verdict.facts.engine
        is_flowise = reference is not None and reference.name == "flowise"
        read = await _read(request, takes_files=is_flowise, is_stranger=not verdict.caller)
        if not is_flowise:
            request.let_go()  # a question of bounded length is all that is left of it
        return None if read is None else _question(verdict, *read, goes_upstream=is_flowise)

    def broken(self, code: str, sentence: str) -> bytes:
        """See Wire."""
        return frame("error", sentence)

    def aborted(self) -> bytes:
        """See Wire."""
        return frames.ABORT + frames.END


FLOWISE = FlowiseWire()


async def _read(
    request: GateRequest, *, takes_files: bool, is_stranger: bool
) -> tuple[PredictionBody, tuple[multipart.File, ...]] | None:
    is_json = request.is_plain_json
    boundary = None
    if takes_files and not is_json and request.is_plain:
        boundary = multipart.boundary(request.first(b"content-type"))
    if not is_json and boundary is None:
        return None
    body = await request.body(settings.MAX_BODY_BYTES, is_stranger=is_stranger)
    if boundary is None:
        return await large_bodies.read(bodies.parse, body), ()
    return await large_bodies.read(partial(multipart.parse, mark=boundary), body)


def _question(
    verdict: Verdict,
    body: PredictionBody,
    files: tuple[multipart.File, ...],
    *,
    goes_upstream: bool,
) -> Question:
    assert verdict.facts.chatflow is not None
    chat_id = body.chat_id or predictions.new_chat_id()
    question = Question(body.question, chat_id, is_streaming=body.streaming)
    if not goes_upstream:
        return question
    flow, caller = verdict.facts.chatflow.id, verdict.caller
    thread = predictions.thread_id(flow, caller, question.chat_id)
    aliases, fields = {thread: question.chat_id}, dict(body.fields)
    if body.session_id:
        session = predictions.thread_id(flow, caller, body.session_id)
        aliases[session] = body.session_id
        fields["overrideConfig"] = {**fields.get("overrideConfig", {}), "sessionId": session}
    return question._replace(
        thread_id=thread,
        aliases=tuple(aliases.items()),
        fields=fields,
        files=files,
    )
