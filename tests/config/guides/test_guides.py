"""Guides: every page of docs/ is served to people who are logged in, and no other file is."""

import re

import pytest
from django.conf import settings
from django.test import Client

from config.guides import guides

pytestmark = pytest.mark.django_db


def test_every_document_is_a_page_with_a_title(as_vera: Client) -> None:
    written = {path.stem for path in (settings.BASE_DIR / "docs").glob("*.md")}
    assert set(guides.NAMES) == written
    index = as_vera.get("/docs/").content.decode()
    for name in written:
        page = as_vera.get(f"/docs/{name}/")
        assert page.status_code == 200
        assert f'href="/docs/{name}/"' in index
        assert "style=" not in page.content.decode()


@pytest.mark.parametrize("name", guides.NAMES)
def test_every_link_of_a_guide_leads_somewhere(name: str) -> None:
    for address in re.findall(r'<a href="([^"]*)"', guides.read(name).html):
        page, _, anchor = address.partition("#")
        if address.startswith(("https://", "http://", "/api/")):
            continue
        other = page.removeprefix("/docs/").strip("/") or name
        assert not anchor or f'id="{anchor}"' in guides.read(other).html, address


@pytest.mark.parametrize("name", ["nobodys", "openapi", "adr", "0016-the-management-api", "README"])
def test_no_other_file_is_served(as_vera: Client, name: str) -> None:
    assert as_vera.get(f"/docs/{name}/").status_code == 404


@pytest.mark.parametrize("path", ["../settings", "..%2F..%2F.env", "people.md", "%2e%2e"])
def test_a_path_is_no_name(as_vera: Client, path: str) -> None:
    assert as_vera.get(f"/docs/{path}/").status_code == 404


def test_nobody_reads_them_without_a_login(client: Client) -> None:
    assert client.get("/docs/people/").status_code == 302


def test_text_of_a_guide_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = guides._reader.render("<script>x</script> [a](javascript:x) [b](../../.env)")
    assert "<script" not in rendered
    assert "href" not in rendered
