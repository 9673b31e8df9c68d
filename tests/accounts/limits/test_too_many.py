"""Too many: one exception, answered in one place as 429 with Retry-After."""

from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.limits.too_many import TooMany
from accounts.mail import outbox
from accounts.services import password_resets

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        (timedelta(minutes=15), "900"),
        (timedelta(seconds=1.2), "2"),
        (timedelta(0), "1"),
        (timedelta(seconds=-3), "1"),
    ],
)
def test_an_answer_says_how_many_seconds_to_wait(wait: timedelta, seconds: str) -> None:
    response = TooMany(wait).mark(HttpResponse("the page"))
    assert (response.status_code, response["Retry-After"]) == (429, seconds)
    assert response.content == b"the page"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "shown"), [("Wait <b> hour.", "Wait &lt;b&gt; hour."), ("", "for a few minutes")]
)
def test_a_page_that_does_not_answer_it_itself_is_429(
    words: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(login: str, address: str) -> None:
        raise TooMany(timedelta(minutes=2), words)

    monkeypatch.setattr(password_resets, "ask", refuse)
    monkeypatch.setattr(outbox, "is_configured", lambda: True)
    browser = Client(raise_request_exception=False)
    response = browser.post("/forgotten-password/", {"login": "alice"})
    assert (response.status_code, response["Retry-After"]) == (429, "120")
    assert response["X-Request-Id"]
    assert shown in response.content.decode()
