"""A publishable key in real web pages: one of a listed origin, and the same page on another."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in
from tests.browser.origins import sites
from tests.server.shipped import Shipped

pytestmark = [pytest.mark.browser, pytest.mark.server]

ANSWER = "Flowlatch is the front door for AI chatflows."
PAGE = """<!doctype html><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">
<p id="whole"></p><p id="streamed"></p>
<script type="module">
  const { url, key } = WHERE;
  const show = (id, text) => { document.getElementById(id).textContent = text; };
  const ask = (more) => fetch(url, {
    method: "POST",
    headers: { "Authorization": "Bearer " + key, "Content-Type": "application/json" },
    body: JSON.stringify({ question: "What is Flowlatch?", ...more }),
  });
  const whole = await ask({});
  const said = await whole.json();
  show("whole", whole.ok ? said.text : whole.status + " " + said.code);
  const stream = await ask({ streaming: true });
  if (!stream.ok) {
    show("streamed", stream.status + " " + (await stream.json()).code);
  } else {
    const lines = (await stream.text()).split("\\n").filter((line) => line.startsWith("data:"));
    const events = lines.map((line) => JSON.parse(line.slice(5)));
    const tokens = events.filter((event) => event.event === "token");
    show("streamed", tokens.map((token) => token.data).join(""));
  }
</script>"""


@pytest.fixture(scope="module")
def flow(acme: Shipped) -> str:
    entries = [["What is Flowlatch?", ANSWER]]
    made: str = acme.do("make_chatflow", team="acme", name="Shop", entries=entries)
    return made


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[tuple[Path, str, str]]:
    """One folder, served at two origins."""
    with sites.serving(tmp_path) as listed, sites.serving(tmp_path) as other:
        yield tmp_path, listed, other


def name_of(origin: str) -> str:
    """The name of the key that lists an origin."""
    return "shop-" + origin.rpartition(":")[2]


def make_page(folder: Path, acme: Shipped, flow: str, listed: str) -> str:
    """Write the page, and return the text of its key."""
    key: str = acme.do(
        "make_publishable",
        team="acme",
        name=name_of(listed),
        pinned_to=flow,
        origins=[listed],
    )
    where = {"url": f"{acme.url}/api/v1/prediction/{flow}", "key": key}
    (folder / "index.html").write_text(PAGE.replace("WHERE", json.dumps(where)))
    return key


def test_the_page_is_answered_on_its_origin_and_refused_on_another(
    open_page: Callable[[], Page], acme: Shipped, flow: str, shops: tuple[Path, str, str]
) -> None:
    folder, listed, other = shops
    key = make_page(folder, acme, flow, listed)
    here, there = open_page(), open_page()
    here.goto(listed)
    expect(here.locator("#whole")).to_have_text(ANSWER)
    expect(here.locator("#streamed")).to_have_text(ANSWER)
    there.goto(other)
    expect(there.locator("#whole")).to_have_text("403 origin_not_allowed")
    expect(there.locator("#streamed")).to_have_text("403 origin_not_allowed")
    # A program without an Origin learns no more of the chatflow than of one that is not there.
    answers = [acme.predict(key, chatflow) for chatflow in (flow, acme.chatflow)]
    assert [answer.status for answer in answers] == [403, 403]
    assert answers[0].json()["code"] == "origin_not_allowed"
    assert ANSWER not in answers[0].body.decode()


def test_a_refused_page_is_added_with_one_click_and_is_answered(
    open_page: Callable[[], Page], acme: Shipped, flow: str, shops: tuple[Path, str, str]
) -> None:
    folder, listed, other = shops
    make_page(folder, acme, flow, listed)
    visitor, alice = open_page(), open_page()
    visitor.goto(other)
    expect(visitor.locator("#whole")).to_have_text("403 origin_not_allowed")
    acme.wait_for_calls(2, flow)
    log_in(alice, acme)
    alice.get_by_role("link", name="API keys").click()
    alice.get_by_role("link", name=name_of(listed)).click()
    expect(alice.get_by_text(f"{other} was refused")).to_be_visible()
    alice.get_by_role("button", name="Add this page").click()
    expect(alice.get_by_role("button", name="Add this page")).to_have_count(0)
    visitor.reload()
    expect(visitor.locator("#whole")).to_have_text(ANSWER)
