"""A list in a browser: searched while one types, and the same after an action."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in
from tests.browser.test_keys import make_key
from tests.server.shipped import Shipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
]


def test_a_list_is_searched_while_one_types_and_stays_so_after_an_action(
    acme: Shipped, page: Page
) -> None:
    log_in(page, acme)
    text = make_key(page, acme, "crm-sync", opens=False)
    make_key(page, acme, "web-shop", opens=False)
    page.goto(f"{acme.url}/t/acme/keys/?sort=name")
    search = page.get_by_role("searchbox")
    search.press_sequentially("web")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    expect(page).to_have_url(f"{acme.url}/t/acme/keys/?q=web&sort=name")
    expect(page.locator("#found")).to_have_text("1 key found")
    expect(search).to_be_focused()
    page.get_by_role("button", name="More for web-shop").click()
    page.get_by_role("button", name="Disable key").click()
    expect(page.locator(".toast").first).to_contain_text("web-shop is disabled")
    expect(page).to_have_url(f"{acme.url}/t/acme/keys/?q=web&sort=name")
    search.fill(text)  # a pasted key: its public id alone is kept
    expect(page).to_have_url(re.compile(r"[?&]q=[0-9A-Za-z]{12}&"))
    expect(page.get_by_role("row", name=re.compile("crm-sync"))).to_be_visible()
    search.fill("nothing of the sort")
    expect(page.get_by_role("heading", name="No key fits this filter")).to_be_visible()
    page.goto(f"{acme.url}/t/acme/members/")
    page.get_by_role("link", name="Sort by Member").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_attribute("aria-label", "Member")
    page.get_by_role("searchbox").fill("alice")
    expect(page.locator("#found")).to_have_text("1 member found")
    expect(page).to_have_url(f"{acme.url}/t/acme/members/?q=alice&sort=name")
