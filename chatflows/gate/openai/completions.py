"""POST /v1/chat/completions: judge the key, read the body, decide about the chatflow it names."""

from typing import Any

from accounts.permissions import Permission
from apikeys.bearer import Carrier
from apikeys.credentials import State
from chatflows.access.codes import UNSUPPORTED_MEDIA_TYPE, Refused
from chatflows.access.decisions import Reason
from chatflows.engines import Question
from chatflows.gate import answering, verdicts
from chatflows.gate.exchange import Exchange
from chatflows.gate.large_bodies import large_bodies
from chatflows.gate.verdicts import NOWHERE
from chatflows.protocols.json_bodies import load_object
from chatflows.protocols.openai import bodies, questions
from chatflows.protocols.openai.protocol import OpenAI

MAX_BODY_BYTES = 2 * 1024 * 1024  # text alone, and read before the chatflow is known
MAX_STRANGER_BYTES = 256 * 1024  # from callers without a key, who may mean a public chatflow


async def chatflow_of_model(exchange: Exchange, scope: Permission) -> None:
    """Decide about the chatflow that the body names as its model. Raises Refused.

    With a bad key, or from a place that the key does not list, the body is not read. Only a good
    key learns that a body is invalid; for others it counts as an unknown chatflow.
    """
    reader = exchange.parts.reader
    verdict = exchange.verdict = await verdicts.reach_for_key(exchange.request, scope, reader)
    credential = verdict.credential
    if credential.carrier is Carrier.CONFLICT or credential.state not in (State.GOOD, State.ABSENT):
        raise verdict.decision.refusal
    if verdict.decision.reason in (Reason.KEY_NETWORK, Reason.KEY_ORIGIN):  # row 4
        raise verdict.decision.refusal
    try:
        exchange.body = await _read(exchange, is_stranger=credential.is_everyones)
        exchange.protocol = OpenAI(bodies.model(exchange.body))
    except Refused:
        if credential.state is State.ABSENT:
            raise verdict.decision.refusal from None
        raise
    exchange.chatflow_id = bodies.chatflow_id(exchange.protocol.model) or NOWHERE
    claim = verdict.claim._replace(chatflow_id=exchange.chatflow_id)
    judged = await verdicts.read_and_judge(claim, reader)
    exchange.decided(verdicts.verdict_of(claim, judged))


async def create(exchange: Exchange) -> None:
    """Answer a completion. Its caller sends the whole conversation along."""
    await answering.answer(exchange, _question)


async def _read(exchange: Exchange, *, is_stranger: bool) -> dict[str, Any]:
    if not exchange.request.is_plain_json:
        raise Refused(UNSUPPORTED_MEDIA_TYPE)
    limit = MAX_STRANGER_BYTES if is_stranger else MAX_BODY_BYTES
    raw = await exchange.request.body(limit, is_stranger=is_stranger)
    return await large_bodies.read(load_object, raw)


async def _question(exchange: Exchange) -> Question:
    completion = bodies.read(exchange.body)
    if isinstance(exchange.protocol, OpenAI):
        exchange.protocol.has_usage = completion.has_usage
    return questions.question(
        completion, chatflow_id=exchange.chatflow_id, caller=exchange.let_in.caller
    )
