"""A real browser before the shipped server; console errors and CSP violations fail the test."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser import models
from tests.server.shipped import OWNER, Shipped, start

NAMES = ("chromium", "chromium-browser", "google-chrome")
# What the browser says of an answer that the test wants.
EXPECTED = ("status of 401", "status of 403", "status of 404", "status of 410", "status of 422")


# Not for the session: playwright runs an event loop, and other tests begin their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium from PATH: without one a skip that says so, in CI an error."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        message = "no chromium on PATH: on Debian, apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    """Acme's server, owned by alice."""
    server = start(tmp_path_factory.mktemp("acme"), OWNER)
    yield server
    assert server.stop() == 0


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Shipped]:
    """A server that nobody owns yet."""
    server = start(tmp_path, {})
    yield server
    assert server.stop() == 0


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Opens a page for someone who has never been here; what it complains about fails the test."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def note(message: ConsoleMessage) -> None:
        is_expected = any(words in message.text for words in EXPECTED)
        if message.type in ("error", "warning") and not is_expected:
            complaints.append(message.text)

    def open_one() -> Page:
        size = {"width": 1280, "height": 900}
        context = browser.new_context(viewport=size, reduced_motion="reduce")  # type: ignore[arg-type]
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        opened = context.new_page()
        opened.set_default_timeout(15_000)
        opened.on("console", note)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        return opened

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: Callable[[], Page]) -> Page:
    """A page of someone who has never been here."""
    return open_page()


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    """The address of a model that waits in the middle of its answer."""
    with models.serving() as url:
        yield url


def log_in(page: Page, server: Shipped) -> None:
    """As alice."""
    page.goto(f"{server.url}/login/")
    page.get_by_label("Username or e-mail").fill("alice")
    page.get_by_label("Password").fill(OWNER["OWNER_PASSWORD"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/t/acme/chatflows/")
