"""The `openai` engine: ask an OpenAI-compatible server for chat completions."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import aiohttp

from chatflows.encoding import encode
from chatflows.engines import upstream
from chatflows.engines.events import Events, Question
from chatflows.engines.openai import completions
from chatflows.engines.openai.completions import CompletionStream
from chatflows.engines.openai.config import OpenAIConfig
from chatflows.engines.upstream import Fault, Timeouts, UpstreamCall

TEST_WITHIN = 10.0  # seconds
MAX_MODELS = 1000


class OpenAIEngine:
    """Asks one model with the chatflow's own key, system prompt and parameters.

    Of a prediction the model gets the question and the turns that we keep, never the caller's
    `overrideConfig` or `history`. Of a chat completion it gets the caller's messages, after the
    chatflow's own prompt.
    """

    def __init__(
        self,
        client: aiohttp.ClientSession,
        config: OpenAIConfig,
        secret: str = "",
        timeouts: Timeouts | None = None,
    ) -> None:
        self._client = client
        self._config = config
        self._secret = secret
        self._timeouts = timeouts or Timeouts.of_settings()

    @property
    def memory_turns(self) -> int:
        """The number of earlier turns that the model is shown."""
        return self._config.memory_turns

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """Yield tokens as they come, usage if the server counts it, then Done or Failed."""
        call = None
        try:
            call = await self._send(question)
            if call.response.status != 200:
                yield [upstream.fault_of(call.response)]
            elif call.media_type == upstream.JSON:  # a server that can't stream
                yield completions.whole(upstream.load_object(await call.body()))
            elif call.media_type != upstream.EVENT_STREAM:
                yield [upstream.INVALID]
            else:
                async with aclosing(_of_stream(call)) as lots:
                    async for events in lots:
                        yield events
        except Fault as fault:
            yield [fault.failed]
        finally:
            if call is not None:
                call.close()

    async def list_models(self) -> tuple[list[str], str]:
        """Return the names of the server's models, or none and the reason."""
        timeouts = Timeouts(TEST_WITHIN, TEST_WITHIN, TEST_WITHIN)
        try:
            call = await upstream.call(
                self._client, "GET", self._url("models"), timeouts, secret=self._secret
            )
            try:
                if call.response.status != 200:
                    return [], upstream.fault_of(call.response).detail
                value = upstream.load_object(await call.body())
            finally:
                call.close()
        except Fault as fault:
            return [], fault.failed.detail
        return _model_names(value)

    async def test_connection(self) -> tuple[bool, str]:
        """Return whether the server lists the model, and a sentence. Some list it to anybody."""
        models, why = await self.list_models()
        if why:
            return False, why
        if self._config.model not in models:
            return False, f"The server answers, but lists no model named {self._config.model}."
        key = " with this key" if self._secret else ""
        return True, f"The server lists the model. Not tried: whether the model answers{key}."

    async def _send(self, question: Question) -> UpstreamCall:
        return await upstream.call(
            self._client,
            "POST",
            self._url("chat/completions"),
            self._timeouts,
            secret=self._secret,
            headers={"Content-Type": upstream.JSON, "Accept": upstream.EVENT_STREAM},
            body=encode(self._body(question)),
        )

    def _body(self, question: Question) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._config.model,
            "messages": self._messages(question),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self._config.temperature is not None:
            body["temperature"] = self._config.temperature
        if self._config.max_tokens is not None:
            body["max_tokens"] = self._config.max_tokens
        return body

    def _messages(self, question: Question) -> list[dict[str, str]]:
        messages = []
        if self._config.system_prompt:
            messages.append({"role": "system", "content": self._config.system_prompt})
        if question.messages:
            return messages + [{"role": m.role, "content": m.text} for m in question.messages]
        for turn in question.history[-self.memory_turns :] if self.memory_turns else ():
            messages.append({"role": "user", "content": turn.question})
            messages.append({"role": "assistant", "content": turn.answer})
        return [*messages, {"role": "user", "content": question.text}]

    def _url(self, path: str) -> str:
        return f"{self._config.base_url}/{path}"


async def _of_stream(call: UpstreamCall) -> AsyncGenerator[Events, None]:
    stream = CompletionStream()
    while chunk := await call.read():
        events = stream.feed(chunk)
        is_over = upstream.are_over(events)
        if events:
            yield events
        if is_over:
            return
    yield stream.end()


def _model_names(value: dict[str, Any]) -> tuple[list[str], str]:
    data = value.get("data")
    if not isinstance(data, list):
        return [], "A server answers there, but it does not speak as OpenAI's does."
    names = {str(each["id"]) for each in data if isinstance(each, dict) and "id" in each}
    return sorted(name[:200] for name in names)[:MAX_MODELS], ""
