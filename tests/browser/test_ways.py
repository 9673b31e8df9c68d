"""Ways by keyboard and touch: menus, shortcuts, exact times, and toasts that cover nothing."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in
from tests.server.shipped import Shipped

pytestmark = [pytest.mark.browser, pytest.mark.server]
PHONE = {"width": 390, "height": 800}


def test_a_menu_opens_and_moves_with_arrows(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    opener = page.get_by_role("button", name="More for").first
    expect(opener).to_have_attribute("aria-expanded", "false")
    opener.focus()
    page.keyboard.press("ArrowDown")
    expect(opener).to_have_attribute("aria-expanded", "true")
    menu = page.locator(".menu:popover-open")
    entries = menu.get_by_role("link")
    expect(entries.nth(0)).to_be_focused()
    for key, at in (("ArrowDown", 1), ("End", -1), ("ArrowDown", 0), ("ArrowUp", -1), ("Home", 0)):
        page.keyboard.press(key)
        expect(entries.nth(at)).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_have_attribute("aria-expanded", "false")
    expect(opener).to_be_focused()


def test_shortcuts_lead_to_the_search_and_can_be_turned_off(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/keys/")
    page.keyboard.press("/")
    field = page.locator("main input[type=search]").first
    expect(field).to_be_focused()
    field.press_sequentially("a/?t")
    expect(field).to_have_value("a/?t")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator("h1").click()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Shortcuts")
    expect(dialog).to_be_visible()
    dialog.get_by_role("checkbox").uncheck()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Shortcuts").click()
    expect(dialog).to_be_visible()


def test_times_are_exact_at_a_key_a_button_or_a_tap(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    page.goto(f"{acme.url}/profile/")
    time = page.locator("time[title]").first
    words, exact = time.inner_text(), time.get_attribute("title")
    assert exact is not None
    assert re.search(r"\d\d:\d\d:\d\d UTC$", exact)
    for is_tap in (False, True):
        if is_tap:
            time.click()
        else:
            page.keyboard.press("t")
        expect(time).to_have_text(exact)
        page.get_by_role("button", name="Exact times").click()
        expect(time).to_have_text(words)


def test_a_toast_on_a_phone_covers_nothing(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"{acme.url}/t/acme/settings/")
    page.get_by_label("Name", exact=True).fill("Acme")
    page.get_by_role("button", name=re.compile("Save")).click()
    toast = page.locator(".toast:not([hidden])")
    expect(toast).to_be_visible()
    box, main = toast.bounding_box(), page.locator("main").bounding_box()
    assert box is not None
    assert main is not None
    assert box["y"] + box["height"] <= main["y"]
    toast.get_by_role("button", name="Close").click()
    expect(toast).to_have_count(0)
