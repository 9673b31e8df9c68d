"""OpenAI's published JavaScript client in a page of another origin, as in an Electron app."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.origins import sites
from tests.clients import packages
from tests.server.shipped import Shipped

pytestmark = [pytest.mark.browser, pytest.mark.server]

ANSWER = "Flowlatch is the front door for AI chatflows."
WRONG = "flk_sk_" + "A" * 12 + "_" + "B" * 49
PAGE = '<!doctype html><meta charset="utf-8"><title>App</title><link rel="icon" href="data:,">'
ASK = """async ({ options, model, stream }) => {
  const { default: OpenAI } = await import("/openai/index.mjs");
  const client = new OpenAI({ ...options, dangerouslyAllowBrowser: true, maxRetries: 0 });
  const messages = [{ role: "user", content: "What is Flowlatch?" }];
  try {
    const listed = await client.models.list();
    const { id } = await client.models.retrieve(model);
    const made = await client.chat.completions.create({ model, messages, stream });
    let text = "";
    if (stream) for await (const each of made) text += each.choices[0]?.delta?.content ?? "";
    else text = made.choices[0].message.content;
    return { text, id, count: listed.data.length };
  } catch (error) {
    const { status, code, message, requestID } = error;
    return { status, code, message, requestID };
  }
}"""


@pytest.fixture(scope="module")
def flow(acme: Shipped) -> str:
    entries = [["What is Flowlatch?", ANSWER]]
    made: str = acme.do("make_chatflow", team="acme", name="Page", entries=entries)
    return made


@pytest.fixture
def app(pytestconfig: pytest.Config, tmp_path: Path, page: Page) -> Iterator[Page]:
    """A page of another origin, with the client beside it."""
    assert pytestconfig.cache is not None
    client = packages.folder(pytestconfig.cache) / "node_modules/openai"
    (tmp_path / "openai").symlink_to(client)
    (tmp_path / "index.html").write_text(PAGE)
    with sites.serving(tmp_path) as url:
        page.goto(url)
        yield page


def ask(app: Page, server: Shipped, model: str, key: str, *, stream: bool = False) -> Any:
    """What the client's page makes of an answer or a refusal."""
    options = {"apiKey": key, "baseURL": f"{server.url}/v1"}
    return app.evaluate(ASK, {"options": options, "model": model, "stream": stream})


@pytest.mark.parametrize("stream", [False, True])
def test_the_client_is_answered_in_a_page(
    app: Page, acme: Shipped, flow: str, stream: bool
) -> None:
    key = acme.do("make_key", team="acme", name=f"page {stream}", opens=[flow])
    assert ask(app, acme, flow, key, stream=stream) == {"text": ANSWER, "id": flow, "count": 1}


def test_the_client_reads_why_it_was_refused(app: Page, acme: Shipped, flow: str) -> None:
    told = ask(app, acme, flow, WRONG)
    assert (told["status"], told["code"]) == (401, "invalid_token")
    assert "The key is not valid." in told["message"]
    assert told["requestID"].startswith("req_")
    closed = acme.do("make_key", team="acme", name="opens nothing", opens=[])
    told = ask(app, acme, flow, closed)
    assert (told["status"], told["code"]) == (404, "not_found")


def test_a_page_reads_what_is_at_no_address(app: Page, acme: Shipped) -> None:
    read = """async (url) => {
      const answer = await fetch(url, { method: "POST", headers: { "X-Any": "1" }, body: "{}" });
      return [answer.status, await answer.json()];
    }"""
    status, body = app.evaluate(read, f"{acme.url}/v1/responses")
    assert status == 404
    assert "/v1/chat/completions" in json.dumps(body)
