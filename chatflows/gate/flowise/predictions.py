"""POST /api/v1/prediction/{id}: a question in JSON, or in a form with files."""

from functools import partial

from django.conf import settings

from chatflows.access.codes import UNSUPPORTED_MEDIA_TYPE, Refused
from chatflows.engines import File, Question
from chatflows.gate import answering
from chatflows.gate.exchange import Exchange
from chatflows.gate.large_bodies import large_bodies
from chatflows.protocols.flowise import bodies, multipart, questions
from chatflows.protocols.flowise.bodies import PredictionBody


async def create(exchange: Exchange) -> None:
    """Answer a question."""
    await answering.answer(exchange, _question, exchange.parts.memory)


async def _question(exchange: Exchange) -> Question:
    """Read the question. Only a Flowise server takes files."""
    verdict, request = exchange.let_in, exchange.request
    reference = verdict.facts.engine
    is_flowise = reference is not None and reference.name == "flowise"
    body, files = await _read(exchange, takes_files=is_flowise)
    if not is_flowise:
        request.let_go()  # all that is kept of the body is a question of bounded length
        return questions.question(body)
    return questions.upstream_question(
        body, files, chatflow_id=exchange.chatflow_id, caller=verdict.caller
    )


async def _read(
    exchange: Exchange, *, takes_files: bool
) -> tuple[PredictionBody, tuple[File, ...]]:
    request = exchange.request
    is_json = request.is_plain_json
    boundary = None
    if takes_files and not is_json and request.is_plain:
        boundary = multipart.boundary(request.first(b"content-type"))
    if not is_json and boundary is None:
        raise Refused(UNSUPPORTED_MEDIA_TYPE)
    is_stranger = not exchange.let_in.caller
    body = await request.body(settings.MAX_BODY_BYTES, is_stranger=is_stranger)
    if boundary is None:
        return await large_bodies.read(bodies.parse, body), ()
    return await large_bodies.read(partial(multipart.parse, mark=boundary), body)
