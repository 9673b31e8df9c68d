"""Set-up: from the printed link to a team, with DefaultKey's text shown once."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.server.shipped import OWNER, Shipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
]

KEY = re.compile(r"flk_sk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}")
TWO_CLICKS = "button => { button.click(); setTimeout(() => button.click(), 30) }"


def fill(page: Page, password: str = OWNER["OWNER_PASSWORD"]) -> None:
    """The set-up form."""
    page.get_by_label("E-mail").fill("alice@acme.example")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Team").fill("Acme")


def button(page: Page) -> Locator:
    """Its button."""
    return page.locator("form button[type=submit]").last


def link(server: Shipped) -> str:
    """The printed set-up link."""
    found = re.search(r"http://\S+/set-up/fll_\S+", server.log)
    assert found is not None
    return found[0]


def test_the_first_owner_sets_up_and_calls_with_default_key(fresh: Shipped, page: Page) -> None:
    page.goto(fresh.url)
    expect(page.get_by_text("setup_link")).to_be_visible()
    page.goto(link(fresh))
    assert page.url == f"{fresh.url}/set-up/"  # the token has left the address
    fill(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    # A second click's answer would hide the text that is shown once.
    button(page).evaluate(TWO_CLICKS)
    tag = page.locator(".key-tag")
    expect(tag).to_be_visible()
    assert sent.count("POST") == 1
    text = tag.locator("code").inner_text().replace("\n", "")
    assert KEY.fullmatch(text)
    expect(page.get_by_text("Waiting for your first call")).to_be_visible()
    assert fresh.predict(text).status == 200
    expect(page.get_by_text("Your first call got in")).to_be_visible()
    page.get_by_label("I have stored the key").check()
    page.get_by_role("button", name="Go to the dashboard").click()
    page.wait_for_url(re.compile("/t/acme/chatflows/"))
    page.go_back()
    page.wait_for_load_state()
    assert text not in page.content()
    page.goto(link(fresh))
    expect(page.locator("h1")).to_be_visible()
    assert "/set-up/fll_" in page.url  # a used link only says so
    assert text not in fresh.log


def test_a_weak_password_is_refused_and_the_link_stays_good(fresh: Shipped, page: Page) -> None:
    page.goto(link(fresh))
    fill(page, "flowlatch123")
    button(page).click()
    expect(page.get_by_text("close to a word")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("alice@acme.example")
    fill(page)
    button(page).click()
    expect(page.locator(".key-tag")).to_be_visible()
