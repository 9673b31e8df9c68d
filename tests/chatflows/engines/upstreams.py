"""Upstreams on loopback: a faithful stand-in of Flowise, an OpenAI-compatible server, and faults.

They run in a thread with a loop of their own, so that sync tests and other processes can ask them.
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

KEY = "upstream-secret-9f8e7d6c"
FLOW = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"
# Words that a question may begin with: the seconds between two tokens, and how often they come.
PACES = {"slow": (0.5, 500), "drip": (0.02, 500), "dawdle": (0.1, 40)}
Found = TypeVar("Found")


@dataclass
class Seen:
    """A request as it reached the upstream."""

    method: str
    path: str
    headers: dict[str, str]
    fields: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)


class Flowise:
    """Flowise as flowise-wire.md has it, sections 1 to 3; what it answers is told by the question.

    `say X Y` streams the words; `echo` tells the fields; `hang`, `slow`, `drip` and
    `dawdle` are what they say; `moderated` is its own error; `whole` does not stream.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.aborted: list[str] = []
        self.left: list[str] = []
        self.app = web.Application(client_max_size=2**26)
        self.app.router.add_post("/api/v1/prediction/{id}", self._predict)
        self.app.router.add_get("/api/v1/chatflows-streaming/{id}", self._probe)
        self.app.router.add_put("/api/v1/chatmessage/abort/{id}/{chat}", self._abort)

    async def _probe(self, request: web.Request) -> web.Response:
        if request.match_info["id"] != FLOW:
            return _error(500, "Error: checkIfChatflowIsValidForStreaming - not found")
        return web.json_response({"isStreaming": True})

    async def _abort(self, request: web.Request) -> web.Response:
        self.aborted.append(request.match_info["chat"])
        return web.json_response({"status": 200, "message": "Chat message aborted"})

    async def _predict(self, request: web.Request) -> web.StreamResponse:
        seen = await _read(request)
        self.seen.append(seen)
        question = str(seen.fields.get("question", ""))
        streams = seen.fields.get("streaming") in (True, "true") and question != "whole"
        if request.match_info["id"] != FLOW:
            return _error(404, "Chatflow not found in the database!")
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            why = "Error: predictionsServices.buildChatflow - Unauthorized"
            return await _sse(request, [("error", why)]) if streams else _error(500, why)
        try:
            return await self._answer(request, seen, question, streams)
        except (ConnectionError, asyncio.CancelledError):
            self.left.append(question)
            raise

    async def _answer(
        self, request: web.Request, seen: Seen, question: str, streams: bool
    ) -> web.StreamResponse:
        if question == "hang":
            await asyncio.sleep(60)
        chat = str(seen.fields.get("chatId"))
        session = (seen.fields.get("overrideConfig") or {}).get("sessionId", chat)
        text = json.dumps(seen.fields) if question == "echo" else question.removeprefix("say ")
        text = text if text.strip() else "nothing"
        names = {"chatId": chat, "chatMessageId": "m1", "question": question, "sessionId": session}
        if not streams:
            sources = [{"pageContent": "a page", "metadata": {}}]
            return web.json_response({"text": text, "sourceDocuments": sources, **names})
        if question == "moderated":
            return await _sse(request, [("error", "Error: Cannot process! Input violates.")])
        words = [word + " " for word in text.split(" ")]
        tokens = [("token", word) for word in words]
        pause, times = PACES.get(question.split(" ", maxsplit=1)[0], (0.0, 1))
        tokens = tokens * times
        return await _sse(request, [("start", words[0]), *tokens, ("metadata", names)], pause)


async def _sse(
    request: web.Request, events: list[tuple[str, Any]], pause: float = 0
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in [*events, ("end", "[DONE]")]:
        await response.write(frame(*event))
        if pause:
            await asyncio.sleep(pause)
    return response


def frame(event: str, data: Any) -> bytes:
    """A frame as Flowise writes it."""
    value = json.dumps({"event": event, "data": data}, separators=(",", ":"))
    return f"message:\ndata:{value}\n\n".encode()


async def _read(request: web.Request) -> Seen:
    seen = Seen(request.method, request.path, dict(request.headers), {})
    if request.content_type != "multipart/form-data":
        seen.fields = await request.json()
        return seen
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            seen.files[f"{name}/{value.filename}/{value.content_type}"] = value.file.read()
        else:
            seen.fields[name] = value
    return seen


def _error(status: int, message: str) -> web.Response:
    body = {"statusCode": status, "success": False, "message": message, "stack": {}}
    return web.json_response(body, status=status)


class OpenAI:
    """An OpenAI-compatible server that counts words as tokens and says the last message again.

    `drip` it says 500 times, slowly. What is said behind `ends` is why it ends.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.app = web.Application()
        self.app.router.add_post("/v1/chat/completions", self._complete)
        self.app.router.add_get("/v1/models", self._models)

    async def _models(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": f"bad key {KEY}"}}, status=401)
        return web.json_response({"data": [{"id": "tiny"}, {"id": "large"}]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        seen = await _read(request)
        self.seen.append(seen)
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": f"bad key {KEY}"}}, status=401)
        messages = seen.fields["messages"]
        said = str(messages[-1]["content"])
        if said == "busy":
            return web.json_response({}, status=429, headers={"Retry-After": "17"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in said.split(" ") * (500 if said == "drip" else 1):
            await asyncio.sleep(0.02 if said == "drip" else 0)
            await response.write(_chunk({"choices": [{"delta": {"content": word + " "}}]}))
        if said == "cut":
            return response
        reason = said.removeprefix("ends ") if said.startswith("ends ") else "stop"
        await response.write(_chunk({"choices": [{"delta": {}, "finish_reason": reason}]}))
        usage = {"prompt_tokens": len(messages), "completion_tokens": len(said.split(" "))}
        await response.write(_chunk({"choices": [], "usage": usage}) + b"data: [DONE]\n\n")
        return response


def _chunk(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Host:
    """A thread with a loop that serves upstreams until it is closed."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._runners: list[web.AppRunner] = []
        self._servers: list[asyncio.Server] = []

    def serve(self, app: web.Application) -> str:
        """Start an application; its address."""
        return str(self._run(self._serve(app)))

    def listen(self, handler: Handler) -> str:
        """Start a server that speaks bytes; its address."""
        return str(self._run(self._listen(handler)))

    def close(self) -> None:
        """Stop all of them."""
        self._run(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def _run(self, work: Any) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return done.result(10)

    async def _serve(self, app: web.Application) -> str:
        runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._runners.append(runner)
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _listen(self, handler: Handler) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
                await handler(reader, writer)
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        self._servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for runner in self._runners:
            await runner.cleanup()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def hosting() -> Iterator[Host]:
    """A host for a while."""
    host = Host()
    try:
        yield host
    finally:
        host.close()
