"""BearerGate: the ASGI middleware ahead of Django. What its table matches, it answers itself."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from accounts.limits.rooms import Room
from accounts.network import addresses, request_ids
from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.calls.recorder import CallRecord, Recorder
from chatflows.calls.spending import Spending
from chatflows.calls.tallies import Tallies
from chatflows.engines.pool import EnginePool
from chatflows.gate import cors, routes, verdicts
from chatflows.gate.admission import Admission, Ticket
from chatflows.gate.exchange import Exchange, Parts
from chatflows.gate.express import ShortWay
from chatflows.gate.operations.watchers import may_watch
from chatflows.gate.readers.facts import AccessReader
from chatflows.gate.rechecks import GateAnswers
from chatflows.gate.requests import (
    MAX_PAGE_BYTES,
    MAX_STRANGER_BYTES,
    GateRequest,
    Gone,
    Receive,
    Scope,
    Send,
    limited,
)
from chatflows.gate.responses import Answer
from chatflows.gate.routes import Asks, Family, Match
from chatflows.gate.verdicts import NOWHERE, Verdict
from chatflows.health.health import Health
from chatflows.predictions.running import AbortNotes
from chatflows.predictions.turns import Memory
from chatflows.protocols.client import ClientProtocol
from chatflows.protocols.flowise.protocol import FLOWISE, MANAGEMENT
from chatflows.protocols.openai.protocol import OpenAI

log = structlog.get_logger("flowlatch.gate")

# Pages that run or wait for their turn at once: whoever asks for more than one could read takes
# neither the others' nor the gate's.
PAGES_IN_ALL, PAGES_OF_ONE_HOST = 256, 32
CROWDED = "Too many pages are asked for at once. Try again in a moment."

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class BearerGate:
    """Wraps Django. What holds a connection or a thread is made in the process that serves."""

    def __init__(
        self,
        application: Application,
        reader: AccessReader,
        make_recorder: Callable[[], Recorder],
        memory: Memory | None = None,
        abort_notes: AbortNotes | None = None,
        *,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._application = application
        admission = Admission(Tallies(reader.counts))
        answers = GateAnswers(reader, admission)
        spending = Spending(lambda task: self._started_recorder().ask(task))
        engines = EnginePool(reader)
        self._health = Health(is_stopping)
        self._parts = Parts(
            *(reader, engines, answers, admission, spending, self._health, memory, abort_notes)
        )
        self._make_recorder = make_recorder
        self._recorder: Recorder | None = None
        self._pages = Room(in_all=PAGES_IN_ALL, each=PAGES_OF_ONE_HOST)
        reader.watch(self._close_connections)
        self._closing: asyncio.Task[None] | None = None
        self._settling: set[asyncio.Future[None]] = set()
        # See config/wire/short_way.py.
        self.short_way = ShortWay(self._parts, self._put, self._is_full)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            scope["request_id"] = request_ids.new()
            request = GateRequest(scope, receive, scope["request_id"])
            found = routes.match(scope.get("raw_path") or scope["path"].encode())
            if found is None or (found.is_hidden and not may_watch(request)):
                await self._pass_on(request, scope, receive, send)
            else:
                await self._answer(found, request, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._health.share()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._health.close()
        await self._parts.engines.close()
        if self._recorder is not None:
            await self._recorder.close()
        self._parts.reader.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass_on(
        self, request: GateRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Everything else is Django's, with a body of bounded size and time.

        Django leaves the place once the page is made: a stream behind it has bounds of its own.
        """
        family = routes.family_of(scope["path"])
        exchange = Exchange(
            request=request,
            parts=self._parts,
            protocol=MANAGEMENT if family is Family.FLOWISE else _protocol(family),
            send_message=send,
            path=scope["path"],
            is_api=family is not None,
        )
        if _is_preflight(exchange):
            await exchange.answer(_preflight(exchange))
            return
        place = self._pages.enter(addresses.host_of(addresses.parse(request.address)))
        if place is None:
            await exchange.refuse(Refused(codes.UNAVAILABLE, CROWDED, closes=True))
            return
        scope["place"] = place
        try:
            limit = MAX_PAGE_BYTES if request.first(b"cookie") else MAX_STRANGER_BYTES
            request.check_length(limit)
            self._parts.reader.look()
            if settings.IS_HTTPS:  # PUBLIC_URL says so: the proxy in front speaks TLS for us
                scope["scheme"] = "https"
            await self._application(scope, limited(receive, limit), send)
        except Refused as refused:
            await exchange.refuse(refused)
        finally:
            place.leave()

    def _close_connections(self) -> None:
        # While one thread keeps the old files open, all connections of this process share them.
        if self._closing is not None and not self._closing.done():
            return
        if self._recorder is not None:
            self._recorder.run(connections.close_all)
        closing = sync_to_async(connections.close_all)()
        self._closing = asyncio.get_running_loop().create_task(closing)

    async def _answer(self, found: Match, request: GateRequest, send: Send) -> None:
        route = found.routes.get(request.method)
        exchange = Exchange(
            request=request,
            parts=self._parts,
            protocol=_protocol(found.family),
            send_message=send,
            path=route.path if route is not None else "",
            chatflow_id=found.chatflow_id or NOWHERE,
            chat_id=found.chat_id,
            is_api=found.is_api,
        )
        try:
            await self._handle(found, exchange)
        except Refused as refused:
            await exchange.refuse(refused)
        except Gone:  # nobody is left to answer
            exchange.end(400, codes.CLIENT_GONE)
        except Exception as error:
            log.exception("gate failed", request_id=request.id, error=type(error).__name__)
            if exchange.has_begun:
                raise  # the server cuts the connection: a broken answer never looks whole
            await exchange.refuse(Refused(codes.INTERNAL_ERROR))
        finally:
            request.let_go()
            if exchange.ticket is not None:
                self._settle(exchange.ticket, is_let_in=exchange.let_in.decision.allowed)
            record = exchange.record() if route is not None and route.is_recorded else None
            if record is not None:
                self._put(record)
                if record.reservation is not None:
                    spending = self._parts.spending
                    self._behind(spending.shrink(record.reservation, record.tokens, record.cost))

    async def _handle(self, found: Match, exchange: Exchange) -> None:
        """Decide as the route's policy says, then let its handler answer.

        Raises Refused and Gone.
        """
        route = found.routes.get(exchange.request.method)
        if route is None:
            await _answer_without_route(found, exchange)
            return
        if isinstance(route.policy, Asks):
            await route.policy.about(exchange, route.policy.scope)
        if route.is_recorded and self._is_full(exchange.let_in):
            exchange.decided(verdicts.part_missing(exchange.let_in))
        if route.is_recorded:
            await exchange.admit()
        await route.handler(exchange)

    def _is_full(self, let_in: Verdict) -> bool:
        """Whether so many records wait that this call's may be lost."""
        recorder = self._recorder
        has_key = not let_in.credential.is_everyones
        return recorder is not None and recorder.is_full(has_key=has_key)

    def _settle(self, ticket: Ticket, *, is_let_in: bool) -> None:
        admission = self._parts.admission
        if ticket.calls or ticket.streams:  # the shared store is told, and nobody waits for it
            self._behind(admission.settle(ticket, is_let_in=is_let_in))
        elif not is_let_in:
            admission.take_back_now(ticket)

    def _behind(self, settling: Coroutine[Any, Any, None]) -> None:
        """Run what nobody waits for."""
        task = asyncio.ensure_future(settling)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    def _put(self, record: CallRecord) -> None:
        self._started_recorder().put(record)

    def _started_recorder(self) -> Recorder:
        if self._recorder is None:
            self._recorder = self._health.recorder = self._make_recorder()
            tallies = self._parts.admission.tallies
            self._recorder.follow(tallies.read_written, tallies.note_written)
            self._recorder.start()
        return self._recorder


async def _answer_without_route(found: Match, exchange: Exchange) -> None:
    """Answer OPTIONS, with or without a browser. Raises Refused for other methods."""
    allowed = [*found.routes, "OPTIONS"] if found.is_api else [*found.routes]
    allow = (b"allow", ", ".join(allowed).encode())
    if _is_preflight(exchange):
        await exchange.answer(_preflight(exchange))
    elif exchange.request.method in allowed:
        await exchange.answer(Answer(204, [*cors.ANYWHERE, allow], b""))
    else:
        raise Refused(codes.METHOD_NOT_ALLOWED, headers=(allow,))


def _is_preflight(exchange: Exchange) -> bool:
    """Whether a browser asks what a script may send (Fetch, "CORS-preflight request").

    Browsers always name the method. Who tries a preflight by hand often names the headers alone.
    Any other OPTIONS asks which methods an address takes (RFC 9110, 9.3.7).
    """
    request = exchange.request
    if request.method != "OPTIONS" or not exchange.is_api or not request.first(b"origin"):
        return False
    asked = (b"access-control-request-method", b"access-control-request-headers")
    return any(map(request.first, asked))


def _preflight(exchange: Exchange) -> Answer:
    return cors.preflight(exchange.request.all(b"access-control-request-headers"))


def _protocol(family: Family | None) -> ClientProtocol:
    return OpenAI() if family is Family.OPENAI else FLOWISE
