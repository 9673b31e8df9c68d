"""Flowise's published chat widget on a page of another origin, its key put in by `onRequest`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.origins import sites
from tests.clients import packages
from tests.server.shipped import Shipped

pytestmark = [pytest.mark.browser, pytest.mark.server]

ANSWER = "Flowlatch is the front door for AI chatflows."
PAGE = """<!doctype html><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">
<flowise-fullchatbot></flowise-fullchatbot>
<script type="module">
  import Chatbot from "./web.js";
  Chatbot.initFull({
    ...OPTIONS,
    onRequest: async (request) => {
      request.headers = { ...request.headers, Authorization: "Bearer " + KEY };
    },
  });
</script>"""


@pytest.fixture(scope="module")
def flow(acme: Shipped) -> str:
    entries = [["What is Flowlatch?", ANSWER]]
    made: str = acme.do("make_chatflow", team="acme", name="Widget", entries=entries)
    return made


@pytest.fixture
def site(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder to write pages to, with the widget in it, and where it is served."""
    assert pytestconfig.cache is not None
    widget = packages.folder(pytestconfig.cache) / "node_modules/flowise-embed/dist/web.js"
    (tmp_path / "web.js").symlink_to(widget)
    with sites.serving(tmp_path) as url:
        yield tmp_path, url


def ask(page: Page, site: tuple[Path, str], server: Shipped, flow: str, key: str) -> None:
    """Open the page with the widget and send a question."""
    folder, url = site
    options = json.dumps({"chatflowid": flow, "apiHost": server.url})
    text = PAGE.replace("...OPTIONS", f"...{options}").replace("KEY", json.dumps(key))
    (folder / "index.html").write_text(text)
    page.goto(url)
    box = page.get_by_placeholder("Type your question")
    box.fill("What is Flowlatch?")
    box.press("Enter")


def test_the_widget_of_flowise_asks_and_shows_the_streamed_answer(
    page: Page, site: tuple[Path, str], acme: Shipped, flow: str
) -> None:
    key = acme.do("make_key", team="acme", name="widget", opens=[flow])
    ask(page, site, acme, flow, key)
    expect(page.get_by_text(ANSWER)).to_be_visible()
    (call,) = acme.wait_for_calls(1, flow)
    assert (call["code"], call["key_name"], call["streamed"]) == ("ok", "widget", True)


def test_the_widget_asks_with_a_publishable_key(
    page: Page, site: tuple[Path, str], acme: Shipped, flow: str
) -> None:
    key = acme.do(
        "make_publishable", team="acme", name="web-shop", pinned_to=flow, origins=[site[1]]
    )
    ask(page, site, acme, flow, key)
    expect(page.get_by_text(ANSWER)).to_be_visible()
    assert acme.wait_for_calls(2, flow)[0]["key_name"] == "web-shop"
