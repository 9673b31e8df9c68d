"""GET /v1/models: the chatflows that the key opens."""

from accounts.outages import Unavailable
from chatflows.access.codes import UNAVAILABLE, Refused
from chatflows.gate import responses
from chatflows.gate.exchange import Exchange
from chatflows.gate.responses import ANY_ORIGIN
from chatflows.protocols.openai.models import models


async def show_all(exchange: Exchange) -> None:
    """Answer with the list. `decide` has let a good key in already."""
    credential = exchange.let_in.credential
    assert credential.team_id is not None
    assert credential.key_id is not None
    try:
        found = await exchange.parts.reader.models(credential.team_id, credential.key_id)
    except Unavailable:
        raise Refused(UNAVAILABLE) from None
    await exchange.answer(responses.json_answer(models(found), [ANY_ORIGIN]))
