"""BearerGate: the ASGI middleware ahead of Django. What its table matches, it answers itself."""

import time
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from django.conf import settings

from accounts.network import request_ids
from chatflows.calls.recorder import CallRecord, Recorder
from chatflows.engines.pool import EnginePool
from chatflows.gate import completions, constants, exchange, responses, routes, verdicts
from chatflows.gate.aborts import ABORTED, AbortNotes, Aborts
from chatflows.gate.completions import Asked
from chatflows.gate.exchange import Exchange, Outcome
from chatflows.gate.open_streams import OpenStream, OpenStreams
from chatflows.gate.readers.facts import AccessReader
from chatflows.gate.requests import (
    MAX_PAGE_BYTES,
    MAX_STRANGER_BYTES,
    GateRequest,
    Gone,
    Message,
    Receive,
    Scope,
    Send,
    TooLarge,
    TooSlow,
    limited,
)
from chatflows.gate.responses import CLOSE, ErrorForm, Headers
from chatflows.gate.routes import Asks, Endpoint, Family, Match, Route
from chatflows.gate.verdicts import Round, Verdict
from chatflows.predictions.turns import Memory

log = structlog.get_logger("flowlatch.gate")

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

RECORDED = frozenset({Endpoint.PREDICTION, Endpoint.COMPLETIONS})  # what runs an engine


class BearerGate:
    """Wraps Django. What holds a connection or a thread is made in the process that serves."""

    def __init__(
        self,
        application: Application,
        reader: AccessReader,
        make_recorder: Callable[[], Recorder],
        memory: Memory | None = None,
        abort_notes: AbortNotes | None = None,
    ) -> None:
        self._application = application
        self._reader = reader
        self._engines = EnginePool(reader)
        self._streams = OpenStreams(reader, partial(Round, reader))
        self._aborts = Aborts(self._streams, self._engines, abort_notes)
        self._memory = memory
        self._make_recorder = make_recorder
        self._recorder: Recorder | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            scope["request_id"] = request_ids.new()
            request = GateRequest(scope, receive, scope["request_id"])
            found = routes.match(scope.get("raw_path") or scope["path"].encode())
            if found is None:
                await self._pass_on(request, scope, receive, send)
            else:
                await self._serve(found, request, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._engines.close()
        if self._recorder is not None:
            await self._recorder.close()
        self._reader.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass_on(
        self, request: GateRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Everything else is Django's, with a body of bounded size and time."""
        try:
            limit = MAX_PAGE_BYTES if request.first(b"cookie") else MAX_STRANGER_BYTES
            request.check_length(limit)
            if settings.IS_HTTPS:  # PUBLIC_URL says so: the proxy in front speaks TLS for us
                scope["scheme"] = "https"
            await self._application(scope, limited(receive, limit), send)
        except (TooLarge, TooSlow) as error:
            is_large, is_openai = isinstance(error, TooLarge), scope["path"].startswith("/v1/")
            status, code = (413, "too_large") if is_large else (408, "request_timeout")
            form = responses.openai_error if is_openai else responses.error
            answer = form(status, code, request.id, extra=CLOSE)
            await responses.send(send, answer, request.id)

    async def _serve(self, found: Match, request: GateRequest, send: Send) -> None:
        has_started = False

        def tracking_send(message: Message) -> Awaitable[None]:
            nonlocal has_started
            has_started = True
            return send(message)

        try:
            await self._route(found, request, tracking_send)
        except Gone:
            pass  # nobody is left to answer
        except Exception as error:
            log.exception("gate failed", request_id=request.id, error=type(error).__name__)
            if has_started:
                raise  # the server cuts the connection: a broken answer never looks whole
            form = _form(found)
            answer = form(500, "internal_error", request.id, request.accept)
            await responses.send(send, answer, request.id)
        finally:
            request.let_go()

    async def _route(self, found: Match, request: GateRequest, send: Send) -> None:
        route = found.routes.get(request.method)
        if request.method == "OPTIONS" and found.is_api:
            await responses.send(send, constants.PREFLIGHT, request.id)
        elif route is None:
            allowed = [*found.routes, "OPTIONS"] if found.is_api else [*found.routes]
            head: Headers = [(b"allow", ", ".join(allowed).encode())]
            form = _form(found)
            answer = form(405, "method_not_allowed", request.id, request.accept, extra=head)
            await responses.send(send, answer, request.id)
        elif isinstance(route.policy, Asks) and route.endpoint is Endpoint.MODELS:
            answer = await completions.list_models(request, route.policy.scope, self._reader)
            await responses.send(send, answer, request.id)
        elif isinstance(route.policy, Asks):
            await self._ask(found, route, route.policy, request, send)
        else:
            await responses.send(send, constants.ANSWERS[route.endpoint], request.id)

    async def _ask(
        self, found: Match, route: Route, policy: Asks, request: GateRequest, send: Send
    ) -> None:
        started = time.perf_counter()
        asked = await self._read(found, route, policy, request)
        stream = self._stream(route, policy, request, asked.verdict)
        if stream is not None and not self._streams.enter(stream):
            stream, asked = None, asked._replace(verdict=verdicts.over_limit(asked.verdict))
        outcome = Outcome(500, "internal_error")
        try:
            outcome = await self._answer(found, route, request, asked, send, stream=stream)
        except Gone:
            outcome = Outcome(400, "client_gone")
            raise
        finally:
            if stream is not None:
                self._streams.leave(stream)
            if route.endpoint in RECORDED:
                milliseconds = round((time.perf_counter() - started) * 1000)
                self._record(request, route, asked, outcome, milliseconds)

    async def _read(self, found: Match, route: Route, policy: Asks, request: GateRequest) -> Asked:
        if route.endpoint is Endpoint.COMPLETIONS:
            return await completions.read(request, policy.scope, self._reader)
        assert found.chatflow_id is not None
        verdict = await verdicts.reach(request, found.chatflow_id, policy.scope, self._reader)
        return Asked(verdict, found.chatflow_id)

    def _stream(
        self, route: Route, policy: Asks, request: GateRequest, verdict: Verdict
    ) -> OpenStream | None:
        """A place among the open streams, for an answer that comes from an upstream."""
        chatflow, engine = verdict.facts.chatflow, verdict.facts.engine
        if not verdict.decision.allowed or route.endpoint not in RECORDED:
            return None
        if chatflow is None or engine is None or engine.name == "faq":
            return None
        claim = verdict.claim
        return OpenStream(chatflow.id, verdict.caller, lambda again: again.decide_again(claim))

    async def _answer(
        self,
        found: Match,
        route: Route,
        request: GateRequest,
        asked: Asked,
        send: Send,
        *,
        stream: OpenStream | None,
    ) -> Outcome:
        verdict, decision, endpoint = asked.verdict, asked.verdict.decision, route.endpoint
        cors = verdicts.cors(verdict, request)
        if asked.fault is not None:
            return await completions.refuse(asked.fault, request, send)
        if decision.allowed and endpoint in RECORDED:
            # A completion brings its whole conversation along.
            memory = self._memory if endpoint is Endpoint.PREDICTION else None
            return await exchange.serve(
                Exchange(request, verdict, self._engines, memory, send, cors, stream, asked.wire)
            )
        if decision.allowed and endpoint is Endpoint.ABORT:
            await self._aborts.abort(verdict, found.chat_id)
            answer = responses.json_answer(ABORTED, cors)
        elif decision.allowed:
            answer = responses.json_answer(constants.CHATBOT_CONFIG, cors)
        else:
            form = asked.wire.error
            answer = responses.refusal(decision, request.id, request.accept, cors, form)
        await responses.send(send, answer, request.id)
        return Outcome(decision.status, decision.code)

    def _record(
        self,
        request: GateRequest,
        route: Route,
        asked: Asked,
        outcome: Outcome,
        milliseconds: int,
    ) -> None:
        verdict = asked.verdict
        if self._recorder is None:
            self._recorder = self._make_recorder()
            self._recorder.start()
        credential, chatflow = verdict.credential, verdict.facts.chatflow
        team_id = credential.team_id or (chatflow.team_id if chatflow else None)
        self._recorder.put(
            CallRecord(
                at=verdict.at,
                chatflow_id=asked.chatflow_id,
                team_id=team_id,
                key_id=credential.key_id,
                key_name=credential.key_name,
                public_id=credential.public_id,
                allowed=verdict.decision.allowed,
                status=outcome.status,
                code=outcome.code,
                reason=verdict.decision.reason,
                client_address=request.address,
                duration_ms=milliseconds,
                streamed=outcome.streamed,
                request_id=request.id,
                turn=outcome.turn,
                route=route.path,
            )
        )


def _form(found: Match) -> ErrorForm:
    return responses.openai_error if found.family is Family.OPENAI else responses.error
