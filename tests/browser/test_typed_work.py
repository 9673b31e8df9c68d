"""Typed work in a browser: an ended session loses nothing, and a button says that it works."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from tests.browser.conftest import log_in
from tests.server.shipped import OWNER, Shipped

pytestmark = [pytest.mark.browser, pytest.mark.server]

AGAIN = "What you typed is here again."


def end_session(page: Page) -> None:
    page.context.clear_cookies(name="flowlatch")


def log_in_again(page: Page) -> None:
    expect(page.get_by_text("You were logged out, so nothing was saved.")).to_be_visible()
    page.get_by_label("Username or e-mail").fill("alice")
    page.get_by_label("Password").fill(OWNER["OWNER_PASSWORD"])
    page.get_by_role("button", name="Log in").click()


def access(server: Shipped) -> str:
    return f"{server.url}/t/acme/chatflows/{server.chatflow}/"


def test_an_ended_session_loses_nothing_that_was_typed(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/keys/new/")
    page.get_by_label("Name", exact=True).fill("crm-sync")
    page.get_by_text("In 90 days").click()
    page.locator("[name=limit_day]").fill("1000")
    page.get_by_text("Hand over by link").click()
    page.get_by_label("For whom").fill("Vera Sato")
    page.get_by_label("Passphrase").fill("seven quiet lanterns")
    end_session(page)
    page.get_by_role("button", name="Create key and link").click()
    log_in_again(page)
    expect(page.get_by_text(AGAIN)).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("crm-sync")
    expect(page.locator("[name=limit_day]")).to_have_value("1000")
    expect(page.get_by_label("In 90 days")).to_be_checked()
    expect(page.get_by_label("For whom")).to_have_value("Vera Sato")
    expect(page.get_by_label("Passphrase")).to_have_value("")  # a secret is typed anew
    page.get_by_role("button", name="Create key and link").click()
    expect(page.get_by_text("crm-sync is ready to hand over")).to_be_visible()
    page.goto(f"{acme.url}/t/acme/keys/new/")
    expect(page.get_by_text(AGAIN)).to_have_count(0)
    assert page.evaluate("sessionStorage.getItem('draft')") is None


def test_nor_does_a_form_that_htmx_sends(acme: Shipped, page: Page) -> None:
    acme.do("make_key", team="acme", name="kiosk", opens=[])
    log_in(page, acme)
    page.goto(access(acme))
    page.get_by_label("kiosk").check()
    page.locator("[name=networks]").fill("203.0.113.0/24")
    end_session(page)
    page.get_by_role("button", name="Save access").click()
    log_in_again(page)
    expect(page.get_by_text(AGAIN)).to_be_visible()
    expect(page.locator(".save-bar summary")).to_have_text("2 changes")
    page.get_by_role("button", name="Save access").click()
    expect(page.get_by_text("Access is saved.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("kiosk")).to_be_checked()
    expect(page.get_by_text(AGAIN)).to_have_count(0)


def test_somebody_else_finds_nothing_of_it(acme: Shipped, page: Page) -> None:
    acme.do(
        "make_member", team="acme", name="vera", role="viewer", password=OWNER["OWNER_PASSWORD"]
    )
    log_in(page, acme)
    page.goto(access(acme))
    page.locator("[name=networks]").fill("198.51.100.0/24")
    end_session(page)
    page.get_by_role("button", name="Save access").click()
    page.get_by_label("Username or e-mail").fill("vera")
    page.get_by_label("Password").fill(OWNER["OWNER_PASSWORD"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile("/t/acme/chatflows/"))
    expect(page.get_by_text(AGAIN)).to_have_count(0)
    assert "198.51.100.0" not in page.evaluate("JSON.stringify(sessionStorage)")


@pytest.mark.parametrize("is_left", [True, False])
def test_unsaved_work_is_not_left_without_a_question(
    acme: Shipped, page: Page, is_left: bool
) -> None:
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept() if is_left else dialog.dismiss()

    log_in(page, acme)
    page.on("dialog", answer)
    page.goto(access(acme))
    page.locator("[name=limit_minute]").fill("600")
    page.get_by_role("link", name="Engine", exact=True).click()
    if is_left:
        page.wait_for_url("**/engine/")
    else:
        expect(page.locator("[name=limit_minute]")).to_have_value("600")
        page.get_by_role("button", name="Discard changes").click()
    assert asked == ["beforeunload"]
    page.goto(f"{acme.url}/t/acme/keys/new/")
    page.get_by_label("Name", exact=True).fill("crm")
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/t/acme/keys/")
    assert asked == ["beforeunload"]


@pytest.fixture
def held(page: Page) -> Callable[[str], list[Route]]:
    """Holds back the requests to an address until the test lets them go."""

    def hold(address: str) -> list[Route]:
        routes: list[Route] = []
        page.route(address, lambda route: routes.append(route))  # noqa: PLW0108 (it takes a function)
        return routes

    return hold


def test_a_button_says_that_it_works(
    acme: Shipped, page: Page, held: Callable[[str], list[Route]]
) -> None:
    log_in(page, acme)
    page.goto(access(acme))
    routes = held("**/access/")
    page.locator("[name=limit_minute]").fill("700")
    save = page.locator(".save-bar .btn--primary")
    save.click()
    expect(save).to_have_text("Saving…")
    expect(save).to_have_attribute("aria-busy", "true")
    expect(page.locator(".sr[role=status]")).to_have_text("Saving…")
    save.click(force=True)
    routes.pop().continue_()
    expect(save).to_have_text("Save access")
    assert not routes, "the second click sent nothing"
    page.goto(f"{acme.url}/t/acme/keys/new/")
    page.evaluate(
        """addEventListener("submit", (event) => setTimeout(() => {
            window.name = event.submitter.innerText + event.submitter.ariaBusy;
        }))"""
    )
    routes = held("**/keys/new/")
    page.get_by_label("Name", exact=True).fill("held back")
    page.locator("form.kinds .btn--primary").dblclick()
    while not routes:
        page.wait_for_timeout(20)  # lets the browser's events come in
    assert len(routes) == 1
    routes.pop().continue_()
    expect(page.get_by_text("held back is ready")).to_be_visible()
    assert page.evaluate("window.name") == "Creating…true"


def test_long_work_says_so_and_how_much_it_is(
    acme: Shipped, page: Page, held: Callable[[str], list[Route]]
) -> None:
    log_in(page, acme)
    page.goto(f"{access(acme)}engine/import/")
    page.get_by_label("Or paste the text").fill("When?,Now.\nWhere?,Here.")
    page.get_by_role("button", name="Look at the changes").click()
    page.evaluate(
        """addEventListener("submit", (event) => setTimeout(() => {
            window.name = event.submitter.innerText;
        }))"""
    )
    page.locator("#import .btn--primary").click()
    expect(page.get_by_text("Answers are imported: 2 added")).to_be_visible()
    assert page.evaluate("window.name") == "Importing 2 answers…"
    # A page that the browser leaves can't be looked at, so the wait is seen at a fragment.
    page.clock.install()
    page.goto(f"{access(acme)}engine/")
    page.locator("[name=engine][value=flowise]").check(force=True)
    routes = held("**/engine/test/")
    page.locator("[name=tested][value=flowise]").click()
    expect(page.get_by_role("button", name="Testing…")).to_be_visible()
    expect(page.locator(".working")).to_have_count(0)
    page.clock.run_for(3000)
    expect(page.locator(".working")).to_have_text("Still working. Keep this page open.3 s")
    routes.pop().continue_()
    expect(page.locator(".working")).to_have_count(0)


def test_a_refused_form_is_loaded_again_as_its_page(acme: Shipped, page: Page) -> None:
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/audit/")
    page.get_by_role("button", name="Check the chain").click()
    page.wait_for_url("**/t/acme/audit/")
    page.reload()
    expect(page.get_by_role("button", name="Check the chain")).to_be_visible()
