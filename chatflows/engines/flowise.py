"""The `flowise` engine: a flow of a real Flowise server, its answers passed on as they come."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import aiohttp

from chatflows.engines import upstream
from chatflows.engines.configs import FlowiseConfig
from chatflows.engines.events import Done, Event, Failed, Frame, Heartbeat, Question, Whole
from chatflows.engines.lines import Lines, TooLong
from chatflows.engines.upstream import Call, Fault, Limits

ABORT_WITHIN = 5.0  # seconds
TEST_WITHIN = 10.0
HIDDEN = b"[hidden]"


class FlowiseEngine:
    """Asks one flow with the chatflow's own key; nothing of the caller's request head goes along.

    A run whose caller left is aborted upstream (flowise-wire, section 7).
    """

    def __init__(
        self,
        client: aiohttp.ClientSession,
        config: FlowiseConfig,
        secret: str = "",
        limits: Limits | None = None,
    ) -> None:
        self._client = client
        self._config = config
        self._secret = secret
        self._limits = limits or Limits.of_settings()
        self._aborting: set[asyncio.Task[None]] = set()

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """Yield Flowise's own events, or its whole answer, or Failed."""
        call, is_running = None, True
        try:
            call = await self._send(question)
            async with aclosing(self._events(call, question)) as events:
                async for event in events:
                    is_running = not isinstance(event, Done | Failed | Whole)
                    yield event
        except Fault as fault:
            is_running = fault.failed is upstream.TIMEOUT
            yield fault.failed
        finally:
            if call is not None:
                call.close()
            if is_running:
                self._abort_later(question.thread_id)

    async def abort(self, thread_id: str) -> None:
        """Ask Flowise to stop a run. Never fails: the run may be over, the server away."""
        url = self._url(f"chatmessage/abort/{self._config.flow_id}/{thread_id}")
        limits = Limits(ABORT_WITHIN, ABORT_WITHIN, ABORT_WITHIN)
        try:
            call = await upstream.call(self._client, "PUT", url, limits, secret=self._secret)
            call.close()
        except Fault:
            pass

    async def test_connection(self) -> tuple[bool, str]:
        """Whether the flow is there, and a sentence. The key shows only when the flow runs."""
        limits = Limits(TEST_WITHIN, TEST_WITHIN, TEST_WITHIN)
        url = self._url(f"chatflows-streaming/{self._config.flow_id}")
        try:
            call = await upstream.call(self._client, "GET", url, limits)
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
        return True, "The flow is there."

    async def _send(self, question: Question) -> Call:
        body, headers = _body(question)
        return await upstream.call(
            self._client,
            "POST",
            self._url(f"prediction/{self._config.flow_id}"),
            self._limits,
            secret=self._secret,
            headers=headers,
            body=body,
        )

    async def _events(self, call: Call, question: Question) -> AsyncGenerator[Event, None]:
        if call.response.status != 200:
            yield await self._refusal(call)
        elif call.media_type == upstream.EVENT_STREAM and question.is_streaming:
            async with aclosing(self._frames(call, question)) as frames:
                async for event in frames:
                    yield event
        elif call.media_type == upstream.JSON:
            body = self._shown(await call.body(), question)
            yield Whole(upstream.load_object(body))
            yield Done()
        else:
            yield upstream.INVALID

    async def _frames(self, call: Call, question: Question) -> AsyncGenerator[Event, None]:
        lines, failed, is_first = Lines(), None, True
        async with aclosing(call.chunks()) as chunks:
            async for chunk in chunks:
                for event in self._read(lines, chunk, question):
                    if isinstance(event, Done):
                        yield failed or event
                        return
                    if isinstance(event, Frame) and event.name == "error":
                        if is_first and event.text.endswith("Unauthorized"):
                            raise Fault(upstream.UNAUTHORIZED)
                        failed = Failed(502, "upstream_error", event.text, is_told=True)
                    is_first = is_first and not isinstance(event, Frame)
                    yield event
        raise Fault(upstream.CUT)

    def _read(
        self, lines: Lines, chunk: bytes | Heartbeat, question: Question
    ) -> Iterator[Frame | Heartbeat | Done]:
        """What a chunk completes, one by one. Raises Fault after what was good before it."""
        if isinstance(chunk, Heartbeat):
            yield chunk
            return
        try:
            found = lines.feed(chunk)
        except TooLong:
            raise Fault(upstream.TOO_LARGE) from None
        left = sum(line.startswith(b"data:") for line in found)
        for line in found:
            if line.startswith(b"data:"):
                left -= 1
                yield self._event(line[5:].strip(), question, has_more=left > 0)
            elif line.startswith(b":"):
                yield Heartbeat()
            elif line and line != b"message:" and line.partition(b":")[0] not in _FIELDS:
                raise Fault(upstream.INVALID)

    def _event(self, body: bytes, question: Question, *, has_more: bool) -> Frame | Done:
        body = self._shown(body, question)
        value = upstream.load_object(body)
        name, data = value.get("event"), value.get("data")
        if not isinstance(name, str):
            raise Fault(upstream.INVALID)
        if name == "end":
            return Done()
        if b"\r" in body:  # a line's end to some readers, in the middle of the frame
            body = _encode(value)
        is_text = name in ("token", "error") and isinstance(data, str)
        return Frame(name, body, str(data) if is_text else "", has_more)

    def _shown(self, body: bytes, question: Question) -> bytes:
        """What the caller may see: its own names for the conversation, and never our key."""
        for name, alias in question.aliases:
            if name.encode() in body:
                body = body.replace(name.encode(), _encode(alias)[1:-1])
        if self._secret:
            body = body.replace(self._secret.encode(), HIDDEN)
        return body

    async def _refusal(self, call: Call) -> Failed:
        if call.response.status == 500:  # how Flowise refuses a key (flowise-wire 1.4)
            body = await call.body(upstream.MAX_ERROR_BYTES)
            try:
                message = upstream.load_object(body).get("message")
            except Fault:
                return upstream.ERROR
            if isinstance(message, str) and message.endswith("Unauthorized"):
                return upstream.UNAUTHORIZED
        return upstream.fault_of(call.response)

    def _url(self, path: str) -> str:
        return f"{self._config.base_url}/api/v1/{path}"

    def _abort_later(self, thread_id: str) -> None:
        # The caller is gone: nobody waits for this, so the engine keeps hold of it.
        task = asyncio.get_running_loop().create_task(self.abort(thread_id))
        self._aborting.add(task)
        task.add_done_callback(self._aborting.discard)


_FIELDS = {b"message", b"event", b"id", b"retry"}


def _body(question: Question) -> tuple[bytes | aiohttp.FormData, dict[str, str]]:
    values: dict[str, Any] = {
        **question.fields,
        "question": question.text,
        "chatId": question.thread_id,
        "streaming": question.is_streaming,
    }
    if not question.files:
        return _encode(values), {"Content-Type": upstream.JSON}
    override = values.pop("overrideConfig", {})
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in {**values, **override}.items():
        form.add_field(name, value if isinstance(value, str) else json.dumps(value))
    for file in question.files:
        content = io.BytesIO(file.content)  # read in pieces
        form.add_field("files", content, filename=file.name, content_type=file.media_type)
    return form, {}


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
