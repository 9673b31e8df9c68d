"""Every page, in both themes and from phone to wide: no violation of the CSP, nothing overflows."""

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import log_in
from tests.server.shipped import Shipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
    pytest.mark.xdist_group("browser-every_page"),
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
    "/t/acme/settings/flow-app/",
    "/t/acme/settings/flow-app/edit/",
    "/flow/nobody/",
    "/t/acme/audit/",
    "/t/acme/audit/?who=nobody",
    "/t/acme/service-accounts/",
    "/t/acme/service-accounts/new/",
    "/t/acme/mail/",
    "/operator/mail/",
    "/t/acme/keys/",
    "/t/acme/keys/?show=disabled",
    "/t/acme/keys/new/",
    "/t/acme/members/",
    "/t/acme/members/leave/",
    "/join/",
    "/reauthenticate/",
    "/profile/",
    "/profile/password/",
    "/forgotten-password/",
    "/password-reset/",
    "/logout/",
    "/nothing-here",
]
WIDTHS = (360, 390, 820, 1440, 1600)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_overflows_or_breaks_the_policy(
    acme: Shipped, browser: Browser, page: Page, scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    log_in(page, acme)
    if "W" * 80 not in page.content():
        acme.do("make_chatflow", team="acme", name="W" * 80, entries=[["Hi " * 60, "x" * 3000]])
    for path in PAGES:
        page.goto(acme.url + path.format(flow=acme.chatflow))
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            spill = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert spill <= 0, f"{path} at {width} px"


def test_the_policy_forbids_inline_code(acme: Shipped) -> None:
    policy = acme.request("GET", "/login/").headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
