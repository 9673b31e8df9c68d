"""The `flowise` engine: ask a flow of a Flowise server, and pass its answer on as it comes."""

import asyncio
import io
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import aiohttp

from chatflows.encoding import encode
from chatflows.engines import upstream
from chatflows.engines.events import (
    LAST_WORDS,
    Done,
    Event,
    Events,
    Failed,
    Question,
    Whole,
)
from chatflows.engines.flowise.config import FlowiseConfig
from chatflows.engines.flowise.stream import SHOWING, FlowiseStream, shown
from chatflows.engines.upstream import Fault, Timeouts, UpstreamCall

ABORT_WITHIN = 5.0  # seconds
TEST_WITHIN = 10.0


class FlowiseEngine:
    """Asks one flow with the chatflow's own key. No header of the caller is passed on.

    A run whose caller left is aborted upstream (flowise-wire, section 7).
    """

    def __init__(
        self,
        client: aiohttp.ClientSession,
        config: FlowiseConfig,
        secret: str = "",
        timeouts: Timeouts | None = None,
    ) -> None:
        self._client = client
        self._config = config
        self._secret = secret
        self._timeouts = timeouts or Timeouts.of_settings()
        self._aborting: set[asyncio.Task[None]] = set()

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """Yield Flowise's own events, its whole answer, or Failed."""
        call, is_running = None, True
        try:
            call = await self._send(question)
            if not (question.is_streaming and _is_stream(call)):
                events = await self._whole(call, question)
                is_running = False
                yield events
                return
            stream = FlowiseStream(self._aliases(question))
            while is_running:
                chunk = await call.read()
                events = stream.feed(chunk) if chunk else stream.end()
                if events:
                    is_running = not isinstance(events[-1], LAST_WORDS)
                    yield events
        except Fault as fault:
            is_running = fault.failed is upstream.TIMEOUT
            yield [fault.failed]
        finally:
            if call is not None:
                call.close()
            if is_running:
                self._abort_later(question.thread_id)

    async def abort(self, thread_id: str) -> None:
        """Ask Flowise to stop a run. Never fails: the run may be over, the server may be gone."""
        url = self._url(f"chatmessage/abort/{self._config.flow_id}/{thread_id}")
        timeouts = Timeouts(ABORT_WITHIN, ABORT_WITHIN, ABORT_WITHIN)
        try:
            call = await upstream.call(self._client, "PUT", url, timeouts, secret=self._secret)
            call.close()
        except Fault:
            pass

    async def test_connection(self) -> tuple[bool, str]:
        """Return whether the flow is there, and a sentence. To try the key would need a run."""
        timeouts = Timeouts(TEST_WITHIN, TEST_WITHIN, TEST_WITHIN)
        url = self._url(f"chatflows-streaming/{self._config.flow_id}")
        try:
            call = await upstream.call(self._client, "GET", url, timeouts)
            try:
                if call.response.status in (404, 500):
                    return False, "The server answers, but has no flow of this id."
                if call.response.status != 200:
                    return False, upstream.fault_of(call.response).detail
                value = upstream.load_object(await call.body())
            finally:
                call.close()
        except Fault as fault:
            return False, fault.failed.detail
        if "isStreaming" not in value:
            return False, "A server answers there, but it does not speak as Flowise does."
        key = "whether it takes this key, and " if self._secret else ""
        return True, f"Flowise has the flow. Not tried: {key}whether the flow answers."

    async def _send(self, question: Question) -> UpstreamCall:
        body, headers = _body(question)
        return await upstream.call(
            self._client,
            "POST",
            self._url(f"prediction/{self._config.flow_id}"),
            self._timeouts,
            secret=self._secret,
            headers=headers,
            body=body,
        )

    async def _whole(self, call: UpstreamCall, question: Question) -> list[Event]:
        if call.response.status != 200:
            return [await self._refusal(call)]
        if call.media_type != upstream.JSON:
            return [upstream.INVALID]
        body = shown(await call.body(), self._aliases(question))
        whole = Whole(upstream.load_object(body))
        if whole.text.strip() or any(whole.value.get(name) for name in SHOWING):
            return [whole, Done()]
        return [upstream.EMPTY]

    def _aliases(self, question: Question) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), encode(alias)[1:-1]) for name, alias in question.aliases]

    async def _refusal(self, call: UpstreamCall) -> Failed:
        if call.response.status == 500:  # Flowise refuses a key with it (flowise-wire 1.4)
            body = await call.body(upstream.MAX_ERROR_BYTES)
            try:
                message = upstream.load_object(body).get("message")
            except Fault:
                return upstream.fault_of(call.response)
            if isinstance(message, str) and message.endswith("Unauthorized"):
                return replace(upstream.UNAUTHORIZED, upstream_status=call.response.status)
        return upstream.fault_of(call.response)

    def _url(self, path: str) -> str:
        return f"{self._config.base_url}/api/v1/{path}"

    def _abort_later(self, thread_id: str) -> None:
        # The caller is gone and nobody awaits this task, so the engine holds a reference to it.
        task = asyncio.get_running_loop().create_task(self.abort(thread_id))
        self._aborting.add(task)
        task.add_done_callback(self._aborting.discard)


def _is_stream(call: UpstreamCall) -> bool:
    return call.response.status == 200 and call.media_type == upstream.EVENT_STREAM


def _body(question: Question) -> tuple[bytes | aiohttp.FormData, dict[str, str]]:
    values: dict[str, Any] = {
        **question.fields,
        "question": question.text,
        "chatId": question.thread_id,
        "streaming": question.is_streaming,
    }
    if not question.files:
        return encode(values), {"Content-Type": upstream.JSON}
    override = values.pop("overrideConfig", {})
    form = aiohttp.FormData(default_to_multipart=True, quote_fields=False)
    for name, value in {**values, **override}.items():
        form.add_field(name, value if isinstance(value, str) else encode(value).decode())
    for file in question.files:
        content = io.BytesIO(file.content)  # read in pieces
        form.add_field("files", content, filename=file.name, content_type=file.media_type)
    return form, {}
