"""The flow app on a phone: log in, chat as words come, reload, log out; nothing else opens."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import log_in
from tests.chatflows.engines.upstreams import FLOW, KEY, Flowise, hosting
from tests.server.shipped import OWNER, Shipped, start

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
]
LOGIN = {"FLOW_USERNAME": "guests", "FLOW_PASSWORD": "seven quiet lanterns"}
ANSWER = ".says[data-answer]"
OPEN_FLOW_APP = re.compile("Turn on the flow app|Change password or access")


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    """Acme's server: a FAQ and a flow of Flowise are published, the environment sets the login."""
    server = start(tmp_path_factory.mktemp("acme"), {**OWNER, **LOGIN})
    with hosting() as host:
        flow = server.do("make_chatflow", team="acme", name="Flow", entries=[])
        config = {"base_url": host.serve(Flowise().app), "flow_id": FLOW}
        server.do("set_engine", chatflow=flow, engine="flowise", config=config, secret=KEY)
        server.do("publish", chatflow=flow, title="Echo", starters="say one\nsay two")
        server.do("publish", chatflow=server.chatflow, title="About us", starters="")
        yield server
        assert server.stop() == 0


def come_in(page: Page, server: Shipped, chat: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/flow/acme/")
    page.get_by_label("Username").fill("guests")
    page.get_by_label("Password").fill(LOGIN["FLOW_PASSWORD"])
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=chat).click()
    # Loaded to the end: Enter sends once the script is there; before, it is a new line.
    page.wait_for_url(re.compile(r"/flow/acme/[0-9a-f-]{36}/$"))


def ask(page: Page, question: str) -> None:
    # The last words of an answer are there a moment before it is over and the next one may begin.
    expect(page.get_by_role("button", name="Stop the answer")).to_be_hidden()
    page.get_by_label("Your question").fill(question)
    page.get_by_label("Your question").press("Enter")


def test_someone_with_the_password_chats_on_a_phone_and_opens_nothing_else(
    acme: Shipped, page: Page
) -> None:
    come_in(page, acme, "About us")
    ask(page, "What is Flowlatch?")
    expect(page.locator(ANSWER)).to_contain_text("Flowlatch is the front door")
    page.get_by_text("1 source").click()
    expect(page.locator(f"{ANSWER} blockquote")).to_be_visible()
    page.get_by_role("button", name="Copy the answer").click()
    assert "front door" in page.evaluate("navigator.clipboard.readText()")
    spill = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert spill <= 0
    composer = page.get_by_role("button", name="Send").bounding_box()
    assert composer is not None
    assert composer["y"] + composer["height"] <= 844

    page.reload()
    expect(page.locator(ANSWER)).to_contain_text("Flowlatch is the front door")
    page.get_by_role("link", name="New chat").click()
    expect(page.locator(ANSWER)).to_have_count(0)
    ask(page, "What is DefaultKey?")
    expect(page.locator(ANSWER)).to_contain_text("DefaultKey")
    page.reload()
    expect(page.locator(ANSWER)).to_have_count(1)
    assert "flk_" not in page.content()
    assert acme.wait_for_calls(2)[0]["reason"] == "hosted"

    for path in ("/", "/t/acme/chatflows/", "/t/acme/keys/", "/t/acme/settings/flow-app/"):
        page.goto(acme.url + path)
        assert page.url.startswith(f"{acme.url}/login/")
    cookies = page.context.cookies()
    assert {c["name"] for c in cookies} == {"flowlatch-flow", "flowlatch-csrf"}
    assert all(c["httpOnly"] for c in cookies)
    header = "; ".join(f"{c['name']}={c['value']}" for c in cookies)
    refused = acme.request(
        "POST", f"/api/v1/prediction/{acme.chatflow}", {"question": "?"}, {"Cookie": header}
    )
    assert refused.status == 401

    page.goto(f"{acme.url}/flow/acme/")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in to chat")).to_be_visible()
    page.goto(f"{acme.url}/flow/acme/{acme.chatflow}/")
    expect(page.get_by_role("heading", name="Log in to chat")).to_be_visible()


def test_a_hostile_answer_is_text(acme: Shipped, page: Page) -> None:
    come_in(page, acme, "Echo")
    hostile = (
        "say <img src=x onerror=document.title='pwned'> <script>document.title='pwned'</script>"
        " [a](javascript:document.title='pwned') ![p](http://127.0.0.1:9/pixel) **bold**"
    )
    ask(page, hostile)
    expect(page.locator(f"{ANSWER} strong")).to_have_text("bold")
    ask(page, "say [a](https://example.com) | <svg onload=alert(1)>")
    expect(page.locator(f"{ANSWER} a")).to_have_attribute("rel", "noopener noreferrer nofollow")
    for _ in range(2):  # as it came, and as it is kept
        inside = page.locator(f"{ANSWER} .bubble")
        for tag in ("img", "script", "svg", "iframe"):
            expect(inside.locator(tag)).to_have_count(0)
        expect(inside.locator("a[href^=javascript]")).to_have_count(0)
        assert "pwned" not in page.title()
        page.reload()


def test_a_starter_asks_and_stop_ends_the_answer(acme: Shipped, page: Page) -> None:
    come_in(page, acme, "Echo")
    page.get_by_role("link", name="New chat").click()
    page.get_by_role("button", name="say one").click()
    expect(page.locator(f"{ANSWER} .bubble")).to_have_text("one")
    expect(page.get_by_role("button", name="say two")).to_be_hidden()
    ask(page, "slow answer")
    expect(page.locator(f"{ANSWER} .bubble").last).to_contain_text("slow")
    page.get_by_role("button", name="Stop the answer").click()
    expect(page.get_by_text("Stopped.", exact=True).first).to_be_visible()
    ask(page, "say after")
    expect(page.locator(f"{ANSWER} .bubble").last).to_have_text("after")


def test_a_running_answer_ends_when_the_app_is_turned_off(
    acme: Shipped, page: Page, browser: Browser
) -> None:
    come_in(page, acme, "Echo")
    ask(page, "slow answer")
    expect(page.locator(f"{ANSWER} .bubble").last).to_contain_text("slow")
    alice = browser.new_page()
    log_in(alice, acme)
    alice.goto(f"{acme.url}/t/acme/settings/flow-app/edit/")
    expect(alice.get_by_text("set by the environment")).to_be_visible()
    alice.get_by_role("radio", name=re.compile("^Off")).check()
    alice.get_by_role("button", name="Save flow app").click()
    expect(alice.get_by_text("The flow app is off")).to_be_visible()
    expect(page.get_by_text("This chat was closed just now")).to_be_visible(timeout=2500)
    assert acme.request("GET", "/flow/acme/").status == 404
    alice.get_by_role("link", name=OPEN_FLOW_APP).click()
    alice.get_by_role("radio", name=re.compile("^Password")).check()
    alice.get_by_role("button", name="Save flow app").click()
    expect(alice.get_by_text("logs in anew")).to_be_visible()
    alice.close()


def test_it_works_without_javascript(acme: Shipped, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    come_in(page, acme, "Echo")
    page.get_by_role("button", name="say two").click()
    expect(page.locator(f"{ANSWER} .bubble")).to_have_text("two")
    page.get_by_label("Your question").fill("say **three**")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(f"{ANSWER} strong")).to_have_text("three")
    expect(page.locator(ANSWER)).to_have_count(2)
    context.close()
