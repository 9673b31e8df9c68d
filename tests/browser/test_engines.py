"""The Engine page in a browser: what is shown follows the chosen engine, without a script."""

import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import log_in
from tests.server.shipped import Shipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
]


def choose(page: Page, label: str) -> None:
    page.get_by_role("radio", name=re.compile(label)).check()


def test_what_is_shown_follows_the_choice(acme: Shipped, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, acme)
    chatflow = acme.do("make_chatflow", team="acme", name=f"Any {time.time_ns()}", entries=[])
    page.goto(f"{acme.url}/t/acme/chatflows/{chatflow}/engine/")
    cards = {name: page.locator(f"section[data-for={name}]") for name in ("flowise", "openai")}
    warning = page.get_by_text("Callers get answers from another engine once you save.")
    save = page.get_by_role("button", name="Save engine")
    entries = page.get_by_role("heading", name="Questions and answers")
    for label, shown in (
        ("FAQ", None),
        ("Flowise", "flowise"),
        ("OpenAI", "openai"),
        ("FAQ", None),
    ):
        choose(page, f"^{label}")
        for name, card in cards.items():
            expect(card).to_be_visible(visible=name == shown)
        for part in (warning, save):
            expect(part).to_be_visible(visible=shown is not None)
        expect(entries).to_be_visible(visible=shown is None)
    context.close()


def test_a_saved_engine_can_be_saved_again_and_left(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    chatflow = acme.do("make_chatflow", team="acme", name=f"Any {time.time_ns()}", entries=[])
    config = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}
    acme.do("set_engine", chatflow=chatflow, engine="openai", config=config)
    page.goto(f"{acme.url}/t/acme/chatflows/{chatflow}/engine/")
    warning = page.get_by_text("Callers get answers from another engine once you save.")
    save = page.get_by_role("button", name="Save engine")
    expect(page.locator("section[data-for=openai]")).to_be_visible()
    expect(warning).to_be_hidden()
    expect(save).to_be_visible()
    choose(page, "^FAQ")
    expect(page.locator("section[data-for=openai]")).to_be_hidden()
    expect(warning).to_be_visible()
    save.click()
    expect(page.get_by_text("The engine is saved")).to_be_visible()
    expect(page.get_by_role("heading", name="Questions and answers")).to_be_visible()
