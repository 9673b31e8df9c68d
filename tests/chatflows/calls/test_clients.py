"""Clients: a record names the program and the page, and nothing that could be a secret."""

import pytest

from chatflows.calls.clients import client_of, origin_of

pytestmark = pytest.mark.fast
KEY = "flk_sk_AbCdEfGhIjKl_0123456789012345678901234567890123456789abcABCDEF"


@pytest.mark.parametrize(
    ("user_agent", "client"),
    [
        (b"curl/8.5.0", "curl/8.5.0"),
        (b"python-requests/2.32.3", "python-requests/2.32.3"),
        (b"OpenAI/Python 1.51.0", "OpenAI/Python"),
        (b"Go-http-client/1.1", "Go-http-client/1.1"),
        (b"node", "node"),
        (b"Apache-HttpClient/4.5.14 (Java/21.0.2)", "Apache-HttpClient/4.5.14"),
        (b"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Firefox/133.0", "Firefox on Linux"),
        (b"Mozilla/5.0", "Unknown browser"),
        (b"", ""),
        (b" ", ""),
        (b"<script>alert(1)</script>", ""),
        (b"caf\xe9/1.0", ""),
        (b"a\x00b", ""),
        (b"x" * 200, ""),
        (b"12345", ""),
    ],
)
def test_a_program_is_named_by_its_product_alone(user_agent: bytes, client: str) -> None:
    assert client_of(user_agent) == client
    assert len(client) <= 120


@pytest.mark.parametrize("text", [KEY, f"crm/{KEY[:12]}", f"crm {KEY}", KEY[:20]])
def test_a_key_in_a_header_is_not_written_down(text: str) -> None:
    assert client_of(text.encode()) == ""
    assert origin_of([text]) == ""


@pytest.mark.parametrize(
    ("origins", "origin"),
    [
        ([], ""),
        (["https://shop.example"], "https://shop.example"),
        (["null"], "null"),
        (["https://a.example", "https://b.example"], ""),
        (["https://" + "a" * 200], ""),
        (["https://caf\xe9.example"], ""),
        (["https://a.example\x00"], ""),
        ([""], ""),
    ],
)
def test_one_plain_origin_is_written_down(origins: list[str], origin: str) -> None:
    assert origin_of(origins) == origin
