"""Every page, in both themes and from phone to wide: in line with the CSP, and nothing is wrong."""

import re
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from config.guides import guides
from tests.browser.conftest import log_in
from tests.pages.looks import wrong
from tests.server.shipped import Shipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
]

PAGES = [
    "/t/acme/chatflows/",
    "/t/acme/chatflows/?q=nothing",
    "/t/acme/chatflows/new/",
    "/t/acme/chatflows/{flow}/",
    "/t/acme/chatflows/{flow}/engine/",
    "/t/acme/chatflows/{flow}/engine/import/",
    "/t/acme/chatflows/{flow}/try/",
    "/t/acme/chatflows/{flow}/use/",
    "/t/acme/chatflows/{flow}/settings/",
    "/t/acme/chatflows/{flow}/delete/",
    "/t/acme/settings/",
    "/t/acme/settings/flow-app/",
    "/t/acme/settings/flow-app/edit/",
    "/flow/{door}/",
    "/t/acme/audit/",
    "/t/acme/audit/?who=nobody",
    "/t/acme/service-accounts/",
    "/t/acme/service-accounts/new/",
    "/t/acme/mail/",
    "/t/acme/service-accounts/{account}/",
    "/t/acme/service-accounts/{account}/delete/",
    "/operator/audit/",
    "/operator/mail/",
    "/operator/teams/",
    "/operator/teams/new/",
    "/operator/teams/{team}/rename/",
    "/operator/teams/{team}/delete/",
    "/flow/acme/",
    "/flow/acme/login/",
    "/flow/acme/{flow}/",
    "/t/acme/keys/",
    "/t/acme/keys/?show=disabled",
    "/t/acme/keys/new/",
    "/t/acme/keys/{key}/",
    "/t/acme/keys/{key}/edit/",
    "/t/acme/keys/{key}/limits/",
    "/t/acme/keys/{key}/where-from/",
    "/t/acme/keys/{key}/scopes/",
    "/t/acme/keys/{key}/revoke/",
    "/t/acme/keys/{key}/hand-over/",
    "/t/acme/developer/",
    "/t/acme/keys/{key}/rotate/",
    "/t/acme/settings/keys/",
    "/t/acme/settings/keys/preview/?longest_life=30&rotate_every=7&longest_overlap=24&scopes=usage:view",
    "/key-contact/",
    "/key-undo/",
    "/key",
    "/key/stop",
    "/leaked-key/",
    "/key-link/",
    "/api/docs",
    "/docs/",
    *(f"/docs/{name}/" for name in guides.NAMES),
    "/t/acme/members/",
    "/t/acme/members/leave/",
    "/t/acme/members/{member}/role/",
    "/t/acme/members/{member}/remove/",
    "/t/acme/members/{member}/keys/",
    "/t/acme/members/{member}/hand-over/",
    "/t/acme/members/invitations/",
    "/t/acme/members/invitations/all/",
    "/t/acme/members/?q=nothing&sort=-name",
    "/t/acme/chatflows/{flow}/calls/all/",
    "/join/",
    "/reauthenticate/",
    "/profile/",
    "/profile/password/",
    "/forgotten-password/",
    "/password-reset/",
    "/logout/",
    "/nothing-here",
]
# Who is logged in has no use for some; the log of the browser must still be clean there.
EXPECTED = {
    "/nothing-here": {404},
    "/join/": {410},
    "/key-contact/": {410},
    "/key-undo/": {410},
    "/key-link/": {410},
    "/password-reset/": {410},
}
Look = Callable[[Page, str], None]
PHONE: ViewportSize = {"width": 390, "height": 844}


LONG = "W" * 80


@pytest.fixture(scope="module")
def ids(acme: Shipped) -> dict[str, str]:
    """What the paths name, made under names as long as they come."""
    acme.do("make_chatflow", team="acme", name=LONG, entries=[["Hi " * 60, "x" * 3000]])
    made: dict[str, str] = acme.do("fill", team="acme", chatflow=acme.chatflow, name=LONG)
    return {**made, "flow": acme.chatflow}


@pytest.mark.large
def test_no_page_overflows_or_breaks_the_policy(
    acme: Shipped, page: Page, ids: dict[str, str]
) -> None:
    log_in(page, acme)
    flaws = []
    for path in PAGES:
        answer = page.goto(acme.url + path.format(**ids))
        if answer is None or answer.status not in EXPECTED.get(path, {200}):
            flaws.append(f"{path}: {answer and answer.status}")
        if path == "/api/docs":
            page.wait_for_selector("h3[aria-level]")
        flaws += [f"{path}: {words}" for words in wrong(page)]
    assert flaws == [], "\n".join(flaws)


@pytest.mark.large
def test_a_key_is_handed_over_and_looked_after_on_a_phone(
    acme: Shipped, open_page: Callable[[], Page], ids: dict[str, str]
) -> None:
    key_page = f"{acme.url}/t/acme/keys/{ids['key']}/"
    flaws: list[str] = []

    def look(page: Page, name: str) -> None:
        flaws.extend(f"{name}: {words}" for words in wrong(page))
        page.set_viewport_size(PHONE)

    maker, holder = open_page(), open_page()
    log_in(maker, acme)
    maker.goto(key_page)
    text = take(holder, make_link(maker, look), look)
    assert acme.predict(text).status == 403  # a good key, not selected there
    stop(holder, acme, text, look)
    assert acme.predict(text).status == 401
    maker.goto(key_page)
    expect(maker.get_by_text("reported as leaked").first).to_be_visible()
    look(maker, "key's page")
    assert flaws == [], "\n".join(flaws)


def make_link(maker: Page, look: Look) -> str:
    """Make a hand-over link, after a passphrase that is refused."""
    maker.get_by_role("link", name="Hand over").click()
    maker.get_by_label("Passphrase").fill("abc")
    maker.get_by_role("button", name="Create link").click()
    expect(maker.get_by_text("Use 6 to 200 characters")).to_be_visible()
    look(maker, "make, refused")
    maker.get_by_label("Passphrase").fill("seven quiet")
    maker.get_by_role("button", name="Create link").click()
    link = maker.locator("[data-copy-source]").inner_text()
    look(maker, "made")
    return link


def take(holder: Page, link: str, look: Look) -> str:
    """Take the key's text, after a wrong passphrase, and open the link once more."""
    show = holder.get_by_role("button", name="Show me the key")
    holder.goto(link)
    look(holder, "open")
    holder.get_by_label("Passphrase").fill("nope")
    show.click()
    expect(holder.get_by_label("Passphrase")).to_be_focused()
    look(holder, "open, wrong passphrase")
    holder.get_by_label("Passphrase").fill("seven quiet")
    show.click()
    text = holder.locator(".key-tag [data-copy-source]").inner_text()
    look(holder, "taken")
    holder.goto(link)
    expect(holder.get_by_text("Somebody took this key before you")).to_be_visible()
    look(holder, "closed")
    return text


def stop(holder: Page, acme: Shipped, text: str, look: Look) -> None:
    """Look at the holder's page, after a text that is refused, and stop the key there."""
    holder.goto(f"{acme.url}/key")
    holder.get_by_label("Your key").fill(text[:-1])
    holder.get_by_role("button", name="Open my key").click()
    expect(holder.get_by_label("Your key")).to_be_focused()
    look(holder, "enter, refused")
    holder.get_by_label("Your key").fill(text)
    holder.get_by_role("button", name="Open my key").click()
    expect(holder.get_by_role("heading", name="Opens no chatflow yet")).to_be_visible()
    look(holder, "holder's page")
    holder.get_by_role("link", name="Stop this key").click()
    expect(holder.get_by_role("heading", name=re.compile(r"^Stop .+\?$"))).to_be_visible()
    look(holder, "stop")
    holder.get_by_role("button", name="Stop this key").click()
    expect(holder.get_by_text("The team is told")).to_be_visible()
    look(holder, "stopped")


def test_the_viewer_of_the_api_follows_the_theme(acme: Shipped, page: Page) -> None:
    page.goto(f"{acme.url}/api/docs")
    operation = page.locator(".opblock").first
    shades = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        shades.append(operation.evaluate("each => getComputedStyle(each).backgroundColor"))
    assert shades == ["rgb(255, 255, 255)", "rgb(19, 25, 24)"]


def test_the_policy_forbids_inline_code(acme: Shipped) -> None:
    policy = acme.request("GET", "/login/").headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
