"""New key in a browser: each kind and preset shows what belongs to it, without a script."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import log_in
from tests.server.shipped import Shipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
]


@pytest.fixture
def plain(browser: Browser, acme: Shipped) -> Iterator[Page]:
    """Alice's page of a new key, without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(15_000)
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/keys/new/")
    yield page
    context.close()


def test_a_preset_shows_what_a_finder_could_do(plain: Page) -> None:
    sentence = plain.locator(".found:visible p")
    for preset, words in (
        ("Ask only", "ask the chatflows it opens. They could read nothing else"),
        ("Read only", "They could ask nothing and change nothing."),
        ("Everything I may", "Give it an end and a network."),
    ):
        plain.get_by_text(preset, exact=True).click()
        expect(sentence).to_have_count(1)
        expect(sentence).to_contain_text(words)
    plain.get_by_text("Choose", exact=True).click()
    expect(sentence).to_have_count(0)
    expect(plain.get_by_role("checkbox", name="audit:view")).to_be_visible()


def test_a_kind_shows_what_it_needs(plain: Page) -> None:
    of_secret = (
        plain.get_by_label("Networks"),
        plain.get_by_role("checkbox", name="Flowlatch FAQ"),
    )
    of_public = (plain.get_by_label("Origins"), plain.get_by_role("radio", name="Flowlatch FAQ"))
    for field in of_secret:
        expect(field).to_be_visible()
    for field in of_public:
        expect(field).to_be_hidden()
    plain.get_by_text("Publishable", exact=True).click()
    for field in of_secret:
        expect(field).to_be_hidden()
    for field in of_public:
        expect(field).to_be_visible()


def test_an_end_is_shown_as_a_day(plain: Page) -> None:
    expect(plain.get_by_text("It works until someone disables")).to_be_visible()
    expect(plain.get_by_label("Last day")).to_be_hidden()
    plain.get_by_text("In 90 days", exact=True).click()
    expect(plain.locator('[data-expires="90"]')).to_be_visible()
    expect(plain.get_by_text("It works until someone disables")).to_be_hidden()
    plain.get_by_text("On a date", exact=True).click()
    expect(plain.get_by_label("Last day")).to_be_visible()
    expect(plain.locator('[data-expires="90"]')).to_be_hidden()


def test_a_refused_form_names_each_field_and_keeps_what_was_typed(plain: Page) -> None:
    plain.get_by_text("Publishable", exact=True).click()
    plain.get_by_label("Name", exact=True).fill("shop-widget")
    plain.get_by_label("Origins").fill("https://*.example.com")
    plain.get_by_role("button", name="Create key").click()
    expect(plain.locator(".error:visible")).to_have_count(3)
    expect(plain.get_by_label("Origins")).to_have_value("https://*.example.com")
    plain.get_by_label("Origins").fill("https://shop.example.com")
    plain.get_by_role("radio", name="Flowlatch FAQ").check()
    plain.get_by_label("Requests a minute").fill("60")
    plain.get_by_role("button", name="Create key").click()
    expect(plain.locator("h1")).to_contain_text("shop-widget")
    expect(plain.locator(".found")).to_contain_text("ask Flowlatch FAQ, at most 60 times a minute")


MANY = """
from accounts.models import Team
from tests import rows
rows.fill(Team.objects.get(slug="acme"), 80)
"""


@pytest.mark.large
def test_a_search_while_typing_keeps_what_is_chosen(acme: Shipped, page: Page) -> None:
    assert acme.manage("shell", "-c", MANY).returncode == 0
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/keys/new/")
    page.get_by_label("Name", exact=True).fill("night-job")
    page.get_by_role("checkbox", name="crm-sync helper 0").check()
    page.get_by_role("searchbox", name="Search chatflows").first.fill("tablet helper 13")
    found = page.locator("[data-found]").first
    expect(found.get_by_role("checkbox")).to_have_count(1)
    expect(page.get_by_role("checkbox", name="crm-sync helper 0")).to_be_checked()
    found.get_by_role("checkbox").check()
    page.get_by_label("Contact").fill("son-0077")
    expect(page.locator("#id_contact_names option")).to_have_count(1)
    assert "tablet" not in page.url
    page.get_by_role("button", name="Create key", exact=True).click()
    expect(page.locator(".error:visible")).to_contain_text("No member has this name")
    expect(page.get_by_label("Contact")).to_be_focused()
    page.get_by_label("Contact").fill("person-0077")
    page.get_by_role("button", name="Create key", exact=True).click()
    expect(page.locator("main")).to_contain_text("night-job is ready")
    expect(page.locator("main")).to_contain_text("fleet-tablet helper 13")
