"""Pages are compressed, but for what shows a secret, what streams, and what no page is."""

import gzip
import re

import pytest
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import Client, RequestFactory

from accounts.models import Team
from apikeys.models import ApiKey
from config.delivery.compression import CompressionMiddleware

GZIP = {"accept-encoding": "gzip, deflate, br"}
LONG = "<p>" + "a line of a page " * 200


def test_a_page_is_compressed_for_whoever_takes_it(acme: Team, as_alice: Client) -> None:
    sent = as_alice.get("/t/acme/keys/", headers=GZIP)
    assert sent["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in sent["Vary"]
    assert b"API keys" in gzip.decompress(sent.content)
    assert len(sent.content) * 4 < len(gzip.decompress(sent.content))
    assert "Content-Encoding" not in as_alice.get("/t/acme/keys/").headers


def test_the_page_of_a_new_key_is_not(acme: Team, as_alice: Client, default_key: ApiKey) -> None:
    sent = as_alice.post(f"/t/acme/keys/{default_key.id}/issue/", headers=GZIP)
    assert re.search(rb"flk_sk_\w{12}_", sent.content)
    assert "Content-Encoding" not in sent.headers


def test_the_page_of_an_invitation_link_is_not(acme: Team, as_alice: Client) -> None:
    form = {"addresses": "new@example.com", "role": "viewer"}
    sent = as_alice.post("/t/acme/members/invitations/", form, headers=GZIP)
    assert b"/join/" in sent.content
    assert "Content-Encoding" not in sent.headers


@pytest.mark.parametrize(
    "response",
    [
        StreamingHttpResponse([LONG]),
        HttpResponse(LONG, content_type="text/event-stream"),
        HttpResponse(LONG, content_type="application/json"),
        HttpResponse(LONG, content_type="text/csv"),
    ],
    ids=["streaming", "events", "json", "csv"],
)
def test_only_whole_pages_are(response: HttpResponseBase) -> None:
    request = RequestFactory().get("/", headers=GZIP)
    request.resolver_match = None
    CompressionMiddleware(lambda _: response)(request)
    assert "Content-Encoding" not in response.headers
