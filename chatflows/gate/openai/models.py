"""GET /v1/models and /v1/models/{id}: the chatflows that the key opens."""

from collections.abc import Sequence

from accounts.outages import Unavailable
from chatflows.access.codes import NOT_FOUND, UNAVAILABLE, Refused
from chatflows.gate import responses
from chatflows.gate.exchange import Exchange
from chatflows.protocols.openai.models import Model, model, models


async def show_all(exchange: Exchange) -> None:
    """Answer with the list. `decide` has let a good key in already."""
    found = await _opened(exchange)
    await exchange.answer(responses.json_answer(models(found), exchange.cors))


async def show(exchange: Exchange) -> None:
    """Answer with one of the list. Whatever else has the id is not found."""
    for each in await _opened(exchange):
        if each.chatflow_id == exchange.chatflow_id:
            await exchange.answer(responses.json_answer(model(each), exchange.cors))
            return
    raise Refused(NOT_FOUND)


async def _opened(exchange: Exchange) -> Sequence[Model]:
    credential = exchange.let_in.credential
    assert credential.team_id is not None
    assert credential.key_id is not None
    try:
        return await exchange.parts.reader.models(credential.team_id, credential.key_id)
    except Unavailable:
        raise Refused(UNAVAILABLE) from None
