"""The Access page in a browser: what is not saved is said, and a search loses no choice."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in
from tests.server.shipped import Shipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
]


def test_changes_are_counted_and_searches_keep_what_was_checked(acme: Shipped, page: Page) -> None:
    for n in range(25):
        acme.do("make_key", team="acme", name=f"fleet-tablet-{n}", opens=[])
    acme.do("make_key", team="acme", name="kiosk-delft", opens=[])
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/chatflows/{acme.chatflow}/")
    bar = page.locator(".save-bar summary")
    expect(bar).to_be_hidden()
    search = page.get_by_label("Search keys")
    search.fill("kiosk")
    page.get_by_label("kiosk-delft").check()
    search.fill("tablet-21")
    expect(page.get_by_label("fleet-tablet-21")).to_be_visible()
    expect(page.get_by_label("kiosk-delft")).to_be_checked()
    page.get_by_label("fleet-tablet-21").check()
    search.fill("kiosk")
    expect(page.locator("#found li")).to_have_count(0)  # it stands above, once
    page.locator("[name=limit_minute]").fill("600")
    expect(bar).to_have_text("3 changes")
    bar.click()
    expect(page.locator("[data-changes-list]")).to_contain_text("kiosk-delft opens it")
    expect(page.locator("[data-changes-list]")).to_contain_text("Requests a minute: 600")
    page.get_by_role("button", name="Save access").click()
    expect(page.get_by_text("Access is saved.")).to_be_visible()
    expect(page.locator("#access-badge")).to_contain_text("2 keys")
    expect(bar).to_be_hidden()
    expect(page.get_by_text("Whoever is beyond a limit").first).to_be_visible()


def test_a_refused_form_names_the_line_and_keeps_the_rest(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/chatflows/{acme.chatflow}/")
    page.locator("[name=networks]").fill("203.0.113.0/24")
    page.locator("[name=origins]").fill("https://good.example\nhttps://*.example")
    page.get_by_role("button", name="Save access").click()
    expect(page.get_by_text("Line 2: write each name out")).to_be_visible()
    expect(page.locator("[name=origins]")).to_be_focused()
    expect(page.locator("[name=networks]")).to_have_value("203.0.113.0/24")
    expect(page.locator(".save-bar summary")).to_have_text("Not saved yet")
    page.get_by_role("link", name="Discard changes").click()
    expect(page.locator("[name=networks]")).to_have_value("")


def test_public_without_a_limit_suggests_one(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/chatflows/{acme.chatflow}/")
    page.locator("[name=limit_minute]").fill("")
    page.locator("[name=mode][value=public]").check()
    expect(page.get_by_text("Nothing limits the calls")).to_be_visible()
    page.locator("[name=limit_address]").fill("30")
    expect(page.get_by_text("Nothing limits the calls")).to_be_hidden()
