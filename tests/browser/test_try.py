"""Try it in a browser: words appear as they come, Stop ends the answer, and a phone has room."""

import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import log_in
from tests.browser.models import Model
from tests.server.shipped import Shipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
]


@pytest.fixture
def slow(acme: Shipped, page: Page, model: str) -> str:
    """A chatflow that the model answers, set up on the Engine page; its Try it page."""
    Model.go_on.clear()
    Model.has_left.clear()
    log_in(page, acme)
    chatflow = acme.do("make_chatflow", team="acme", name=f"Slow {time.time_ns()}", entries=[])
    page.goto(f"{acme.url}/t/acme/chatflows/{chatflow}/engine/")
    page.get_by_role("radio", name=re.compile("OpenAI-compatible")).check()
    section = page.locator("section[data-for=openai]")
    section.get_by_label("Address of the server").fill(model)
    page.get_by_role("button", name="Fetch the model list").click()
    expect(page.get_by_text("The server lists 1 model.")).to_be_visible()
    section.get_by_label("Model", exact=True).fill("slow-1")
    section.get_by_role("button", name="Test the connection").click()
    expect(section.get_by_text("Connected", exact=True)).to_be_visible()
    page.get_by_role("button", name="Save engine").click()
    expect(page.get_by_text("The engine is saved")).to_be_visible()
    return f"{acme.url}/t/acme/chatflows/{chatflow}/try/"


def ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask").click()


def test_words_appear_as_they_come(page: Page, slow: str) -> None:
    page.goto(slow)
    ask(page, "Count.")
    bubble = page.locator(".says:not(.says--me) .bubble").last
    expect(bubble).to_have_text("One")  # the rest is not even sent yet
    expect(page.get_by_text("First word after")).to_be_visible()
    Model.go_on.set()
    expect(bubble).to_have_text("One two")
    expect(page.get_by_text(re.compile(r"First word after .*, whole after"))).to_be_visible()
    page.get_by_text(re.compile(r"\d+ raw events")).click()
    expect(page.locator(".frames")).to_contain_text('{"event":"token","data":" two"}')
    expect(page.get_by_role("button", name="Stop the answer")).to_be_hidden()


def test_stop_ends_the_answer_and_the_upstream(page: Page, slow: str) -> None:
    page.goto(slow)
    ask(page, "Count.")
    expect(page.locator(".says:not(.says--me) .bubble").last).to_have_text("One")
    page.get_by_role("button", name="Stop the answer").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    assert Model.has_left.wait(5)
    Model.go_on.set()
    ask(page, "Again.")
    expect(page.locator(".says:not(.says--me) .bubble").last).to_have_text("One two")


def test_closing_the_page_ends_the_upstream(page: Page, slow: str) -> None:
    page.goto(slow)
    ask(page, "Count.")
    expect(page.locator(".says:not(.says--me) .bubble").last).to_have_text("One")
    page.goto("about:blank")
    assert Model.has_left.wait(5)


def test_the_faq_answers_with_its_source_on_a_phone(acme: Shipped, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/chatflows/{acme.chatflow}/try/")
    page.get_by_label("Your question").fill("What is Flowlatch?")
    page.get_by_label("Your question").press("Enter")
    page.get_by_text("1 source").click()
    expect(page.locator(".says blockquote")).to_be_visible()
    assert "flk_sk_" not in page.content()
    calls = acme.wait_for_calls(1)
    assert (calls[0]["reason"], calls[0]["key_name"]) == ("playground", "")
    ask(page, "Do you sell parrots?")
    expect(page.get_by_text(re.compile("whole after"))).to_have_count(2)
    page.goto(f"{acme.url}/t/acme/chatflows/{acme.chatflow}/engine/")
    page.get_by_role("link", name=re.compile("Write an answer to Do you sell parrots")).click()
    page.locator("#add").get_by_label("Answer").fill("No.")
    page.locator("#add").get_by_role("button", name="Add answer").click()
    expect(page.get_by_role("heading", name="Not answered")).to_be_hidden()


def test_it_works_without_javascript(acme: Shipped, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, acme)
    page.goto(f"{acme.url}/t/acme/chatflows/{acme.chatflow}/try/")
    ask(page, "What is Flowlatch?")
    expect(page.get_by_text("Whole after")).to_be_visible()
    ask(page, "And then?")
    expect(page.locator(".says--me")).to_have_count(2)
    context.close()
