"""A Flowise that runs is read by its own API, through the guard of all upstreams."""

from uuid import UUID

import pytest

from chatflows.services.flowise_imports import servers
from chatflows.services.flowise_imports.sources import Unreadable
from tests.chatflows.flowise_imports import served, shapes
from tests.chatflows.flowise_imports.shapes import flow_row, key_row

pytestmark = pytest.mark.fast

TEXT = shapes.text()
KEYS = [key_row("k1", "crm-sync", TEXT)]
FLOWS = [flow_row(UUID(int=n, version=4), f"Flow {n}", "k1") for n in range(45)]


@pytest.mark.parametrize("pages", [True, False])
def test_all_flows_are_read_once_with_pages_and_without(pages: bool) -> None:
    with served.serving(FLOWS, KEYS, pages=pages) as flowise:
        found = servers.read(flowise.url, TEXT)
    assert [flow.name for flow in found.flows] == [f"Flow {n}" for n in range(45)]
    assert [key.name for key in found.keys] == ["crm-sync"]
    assert found.url == flowise.url
    assert not any(TEXT in path for path in flowise.asked)


def test_a_full_last_page_ends_the_reading() -> None:
    with served.serving(FLOWS[:40], KEYS) as flowise:
        assert len(servers.read(flowise.url + "/api/v1", TEXT).flows) == 40


def test_a_refused_key_is_named_and_never_quoted() -> None:
    with served.serving(FLOWS, KEYS) as flowise, pytest.raises(Unreadable) as refused:
        servers.read(flowise.url, "wrong-key-of-theirs")
    assert "FLOWISE_API_KEY" in str(refused.value)
    assert "wrong-key-of-theirs" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254",
        "http://user:word@127.0.0.1:3000",
        "http://[::ffff:169.254.169.254]",
        "http://127.0.0.1:1",
        "http://127.0.0.1:3000/\nx",
    ],
)
def test_an_address_that_may_not_be_asked_or_is_silent_is_refused(url: str) -> None:
    with pytest.raises(Unreadable) as refused:
        servers.read(url, TEXT)
    assert "word" not in str(refused.value) or "password" in str(refused.value)


@pytest.mark.parametrize("rows", [[1, 2], ["x"], [None]])
def test_a_server_that_does_not_speak_as_flowise_is_refused(rows: list[object]) -> None:
    with (
        served.serving([*rows], KEYS) as flowise,
        pytest.raises(Unreadable, match="does not speak as Flowise"),
    ):
        servers.read(flowise.url, TEXT)
