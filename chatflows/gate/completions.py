"""Chat completions and models: whose key it is, then the body, then which chatflow it names."""

from typing import NamedTuple
from uuid import UUID

from accounts.outages import Unavailable
from accounts.permissions import Permission
from apikeys.bearer import Carrier
from apikeys.credentials import State
from chatflows.gate import flowise_protocol, openai_wire, responses, verdicts
from chatflows.gate.exchange import Outcome
from chatflows.gate.flowise_protocol import Wire
from chatflows.gate.large_bodies import Crowded, large_bodies
from chatflows.gate.openai_wire import OpenAIWire
from chatflows.gate.readers.facts import AccessReader
from chatflows.gate.requests import GateRequest, Send, TooLarge, TooSlow
from chatflows.gate.responses import ANY_ORIGIN, CLOSE, Answer, Headers
from chatflows.gate.verdicts import NOWHERE, Verdict
from chatflows.protocols.flowise import bodies
from chatflows.protocols.flowise.bodies import InvalidBody
from chatflows.protocols.openai import bodies as openai_bodies

MAX_BODY_BYTES = 2 * 1024 * 1024  # text alone, and read before it is known who is asked
MAX_STRANGER_BYTES = 256 * 1024  # of who comes without a key: a public chatflow may be meant


class Asked(NamedTuple):
    """Which chatflow is asked, by whom and how, or a fault that comes before the decision."""

    verdict: Verdict
    chatflow_id: UUID
    wire: Wire = flowise_protocol.FLOWISE
    fault: tuple[Answer, str] | None = None  # with its code


async def read(request: GateRequest, scope: Permission, reader: AccessReader) -> Asked:
    """Judge the credential, read the body, and decide about the chatflow that it names.

    Nothing is read of who sends a bad key. A body that can't be read is told to a good key alone:
    without one it names no chatflow, and the answer is that of an unknown one. Raises Gone.
    """
    verdict = await verdicts.reach_for_key(request, scope, reader)
    credential = verdict.credential
    if credential.carrier is Carrier.CONFLICT or credential.state not in (State.GOOD, State.ABSENT):
        return Asked(verdict, NOWHERE, OpenAIWire())
    is_good = credential.state is State.GOOD
    try:
        if not request.is_plain_json:
            raise _NotJson
        limit = MAX_BODY_BYTES if is_good else MAX_STRANGER_BYTES
        raw = await request.body(limit, is_stranger=not is_good)
        value = await large_bodies.read(bodies.load_object, raw)
        name = openai_bodies.model(value)
    except (_NotJson, InvalidBody, TooLarge, TooSlow, Crowded) as error:
        fault = _fault(error, request) if is_good else None
        return Asked(verdict, NOWHERE, OpenAIWire(), fault)
    flow = openai_bodies.chatflow_id(name) or NOWHERE
    verdict = await verdicts.reach(request, flow, scope, reader)
    return Asked(verdict, flow, OpenAIWire(name, value))


async def refuse(fault: tuple[Answer, str], request: GateRequest, send: Send) -> Outcome:
    """Send what a fault says."""
    answer, code = fault
    await responses.send(send, answer, request.id)
    return Outcome(answer.status, code)


async def list_models(request: GateRequest, scope: Permission, reader: AccessReader) -> Answer:
    """The chatflows that the key opens; without a good key there is no list."""
    verdict = await verdicts.reach_for_key(request, scope, reader)
    decision, credential = verdict.decision, verdict.credential
    form = responses.openai_error
    if not decision.allowed:
        return responses.refusal(decision, request.id, request.accept, [], form)
    assert credential.team_id is not None
    assert credential.key_id is not None
    try:
        found = await reader.models(credential.team_id, credential.key_id)
    except Unavailable:
        retry: Headers = [(b"retry-after", responses.RETRY_AFTER)]
        return form(503, "unavailable", request.id, extra=retry)
    return responses.json_answer(openai_wire.models(found), [ANY_ORIGIN])


class _NotJson(Exception):
    pass


def _fault(error: Exception, request: GateRequest) -> tuple[Answer, str]:
    status, code, extra = {
        _NotJson: (415, "unsupported_media_type", []),
        InvalidBody: (400, "invalid_body", []),
        TooLarge: (413, "too_large", CLOSE),
        TooSlow: (408, "request_timeout", CLOSE),
        Crowded: (503, "unavailable", [(b"retry-after", responses.RETRY_AFTER), *CLOSE]),
    }[type(error)]
    detail = responses.CROWDED if isinstance(error, Crowded) else str(error)
    answer = responses.openai_error(status, code, request.id, extra=extra, detail=detail)
    return answer, code
