"""Keys and the selector, in a browser: made, shown once, selected, deleted."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import log_in
from tests.server.shipped import Shipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
]


def make_key(page: Page, server: Shipped, name: str, *, opens: bool) -> str:
    """Through the form; the text."""
    page.goto(f"{server.url}/t/acme/keys/new/")
    page.get_by_label("Name", exact=True).fill(name)
    if opens:
        page.get_by_role("checkbox", name=re.compile("Flowlatch FAQ")).check()
    page.get_by_role("button", name="Create key", exact=True).click()
    code = page.locator(".key-tag code")
    expect(code).to_be_visible()
    return code.inner_text().replace("\n", "")


def test_a_key_is_shown_once_and_gone_with_back(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    text = make_key(page, acme, "crm-sync", opens=True)
    page.get_by_role("button", name="Copy key").click()
    assert page.evaluate("navigator.clipboard.readText()") == text
    page.get_by_role("link", name=re.compile("I have stored it")).click()
    expect(page.get_by_role("row", name=re.compile("crm-sync"))).to_be_visible()
    assert text not in page.content()
    page.go_back()
    page.wait_for_load_state()
    assert text not in page.content()
    page.go_forward()
    page.wait_for_load_state()
    assert text not in page.content()
    assert acme.predict(text).status == 200


def test_the_selector_decides_from_the_next_call_on(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    text = make_key(page, acme, "web-shop", opens=False)
    assert acme.predict(text).json()["code"] == "key_not_selected"
    page.goto(f"{acme.url}/t/acme/chatflows/{acme.chatflow}/")
    page.get_by_role("checkbox", name=re.compile("web-shop")).check()
    page.get_by_role("button", name="Save access").click()
    expect(page.get_by_text("Access is saved.")).to_be_visible()
    assert acme.predict(text).status == 200
    page.get_by_role("checkbox", name=re.compile("web-shop")).uncheck()
    with page.expect_response("**/access/"):
        page.get_by_role("button", name="Save access").click()
    assert acme.predict(text).json()["code"] == "key_not_selected"
    # The last calls follow: they are fetched every 5 s.
    expect(page.get_by_text("key_not_selected").first).to_be_visible(timeout=15_000)


def test_deleting_a_key_refuses_the_very_next_call(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    text = make_key(page, acme, "short-lived", opens=True)
    assert acme.predict(text).status == 200
    page.goto(f"{acme.url}/t/acme/keys/")
    row = page.get_by_role("row", name=re.compile("short-lived"))
    row.get_by_role("button", name=re.compile("short-lived")).click()
    page.get_by_role("link", name=re.compile("Delete")).locator("visible=true").click()
    expect(page.get_by_role("heading", name=re.compile("Delete short-lived"))).to_be_visible()
    page.get_by_role("button", name="Delete key").click()
    page.wait_for_url("**/t/acme/keys/")
    assert acme.predict(text).status == 401


def test_the_selector_works_without_javascript(acme: Shipped, browser: Browser) -> None:
    text = acme.do("make_key", team="acme", name="no-script", opens=[])
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/chatflows/{acme.chatflow}/")
    page.get_by_role("checkbox", name=re.compile("no-script")).check()
    page.get_by_role("button", name="Save access").click()
    page.wait_for_load_state()
    assert page.url.endswith(f"/chatflows/{acme.chatflow}/")
    assert acme.predict(text).status == 200
    context.close()


def test_after_logging_out_nothing_is_left(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    page.get_by_role("button", name="Log out").locator("visible=true").click()
    page.wait_for_url("**/login/**")
    page.go_back()
    page.wait_for_load_state()
    expect(page.get_by_label("Username or e-mail")).to_be_visible()
    page.goto(f"{acme.url}/t/acme/keys/")
    expect(page.get_by_label("Username or e-mail")).to_be_visible()


def test_the_secret_of_a_pasted_key_never_leaves_the_browser(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    text = make_key(page, acme, "pasted", opens=True)
    secret = text.split("_")[3]
    page.goto(f"{acme.url}/t/acme/keys/")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.post_data}"))
    search = page.get_by_label("Search keys")
    page.evaluate("text => navigator.clipboard.writeText(text)", f"Bearer {text}\n")
    search.focus()
    page.keyboard.press("Control+V")
    search.press("Enter")
    page.wait_for_url("**q=*")
    expect(page.get_by_role("link", name="pasted", exact=True)).to_be_visible()
    assert sent
    assert secret not in "".join(sent)


def test_the_page_of_a_key_works_without_scripts_on_a_phone(
    acme: Shipped, browser: Browser
) -> None:
    phone = browser.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 844}, base_url=acme.url
    )
    page = phone.new_page()
    log_in(page, acme)
    text = make_key(page, acme, "phone", opens=False)
    page.get_by_role("link", name="phone", exact=True).click()
    page.get_by_role("checkbox", name=re.compile("Flowlatch FAQ")).check()
    page.get_by_role("button", name="Save chatflows").click()
    assert acme.predict(text).status == 200
    page.get_by_role("link", name="Set limits").click()
    page.get_by_label("Requests a minute").fill("100")
    page.get_by_role("button", name="Save limits").click()
    expect(page.locator(".meters")).to_contain_text("of 100")
    page.get_by_role("link", name="Revoke secret…").click()
    page.get_by_role("button", name="Revoke secret").click()
    assert acme.predict(text).status == 401
    phone.close()
