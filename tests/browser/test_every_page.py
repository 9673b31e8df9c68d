"""Every page, in both themes and from phone to wide: no violation of the CSP, nothing overflows."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import log_in
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
    "/t/acme/keys/{key}/rotate/",
    "/t/acme/settings/keys/",
    "/t/acme/settings/keys/preview/?longest_life=30&rotate_every=7&longest_overlap=24&scopes=usage:view",
    "/key-contact/",
    "/key-undo/",
    "/key",
    "/t/acme/members/",
    "/t/acme/members/leave/",
    "/t/acme/members/{member}/role/",
    "/t/acme/members/{member}/remove/",
    "/t/acme/members/{member}/keys/",
    "/t/acme/members/{member}/hand-over/",
    "/t/acme/members/invitations/",
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
    "/password-reset/": {410},
}
WIDTHS = (360, 390, 820, 1440, 1600)


LONG = "W" * 80


@pytest.fixture(scope="module")
def ids(acme: Shipped) -> dict[str, str]:
    """What the paths name, made under names as long as they come."""
    acme.do("make_chatflow", team="acme", name=LONG, entries=[["Hi " * 60, "x" * 3000]])
    made: dict[str, str] = acme.do("fill", team="acme", chatflow=acme.chatflow, name=LONG)
    return {**made, "flow": acme.chatflow}


def test_no_page_overflows_or_breaks_the_policy(
    acme: Shipped, page: Page, ids: dict[str, str]
) -> None:
    log_in(page, acme)
    wrong = []
    for path in PAGES:
        answer = page.goto(acme.url + path.format(**ids))
        if answer is None or answer.status not in EXPECTED.get(path, {200}):
            wrong.append(f"{path}: {answer and answer.status}")
        wrong += [f"{path} in {words}" for words in overflows(page)]
    assert wrong == [], "\n".join(wrong)


def overflows(page: Page) -> Iterator[str]:
    """Where the page is wider than the window: in which theme, and at which width."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            spill = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if spill > 0:
                yield f"{scheme} at {width} px: {spill} px too wide"


def test_the_policy_forbids_inline_code(acme: Shipped) -> None:
    policy = acme.request("GET", "/login/").headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
