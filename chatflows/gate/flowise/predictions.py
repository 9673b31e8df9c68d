"""POST /api/v1/prediction/{id}: a question in JSON, or in a form with files."""

from functools import partial
from typing import Any

from django.conf import settings

from chatflows.access.codes import UNSUPPORTED_MEDIA_TYPE, Refused
from chatflows.engines import File, Question, kinds
from chatflows.engines.kinds import Kind
from chatflows.gate import answering
from chatflows.gate.exchange import Exchange
from chatflows.gate.large_bodies import LARGE, large_bodies
from chatflows.protocols.flowise import bodies, multipart, questions
from chatflows.protocols.flowise.bodies import PredictionBody


async def create(exchange: Exchange) -> None:
    """Answer a question."""
    await answering.answer(exchange, _question, exchange.parts.memory)


async def _question(exchange: Exchange) -> Question:
    """Read what is asked. Files are taken only where they go upstream."""
    verdict, request = exchange.let_in, exchange.request
    assert verdict.facts.engine is not None
    kind = kinds.of(verdict.facts.engine.name)
    body, files = await _read(exchange, kind)
    if not kind.takes_files:
        if len(body.question) <= LARGE:
            request.let_go()  # a question of that length is all that is left of it
        return questions.question(body)
    return questions.upstream_question(
        body, files, chatflow_id=exchange.chatflow_id, caller=verdict.caller
    )


async def _read(exchange: Exchange, kind: Kind[Any]) -> tuple[PredictionBody, tuple[File, ...]]:
    request = exchange.request
    is_json = request.is_plain_json
    boundary = None
    if kind.takes_files and not is_json and request.is_plain:
        boundary = multipart.boundary(request.content_type)
    if not is_json and boundary is None:
        raise Refused(UNSUPPORTED_MEDIA_TYPE)
    credential = exchange.let_in.credential
    body = await request.body(settings.MAX_BODY_BYTES, is_stranger=credential.is_everyones)
    may_override = not credential.is_publishable
    if boundary is None:
        may_ask_nothing = kind.may_ask_nothing
        parse = partial(bodies.parse, may_ask_nothing=may_ask_nothing, may_override=may_override)
        return await large_bodies.read(parse, body), ()
    charset = multipart.charset_of(request.content_type)
    form = partial(multipart.parse, mark=boundary, charset=charset, may_override=may_override)
    return await large_bodies.read(form, body)
