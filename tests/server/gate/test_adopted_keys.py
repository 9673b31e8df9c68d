"""Keys of a Flowise before the shipped server: the old text opens the old id, until it is taken."""

from pathlib import Path

import pytest

from tests.chatflows.flowise_imports import served, shapes
from tests.chatflows.flowise_imports.shapes import DOCS, OPEN, SHOP, flow_row, key_row
from tests.server.shipped import OWNER, start

pytestmark = pytest.mark.server

TEXT, OTHER = shapes.text(), shapes.text()
KEYS = [key_row("k1", "crm-sync", TEXT), key_row("k2", "website", OTHER)]
FLOWS = [flow_row(SHOP, "Shop", "k1"), flow_row(DOCS, "Docs", "k2"), flow_row(OPEN, "Open", "")]


def test_old_texts_call_old_ids_and_stop_when_they_are_taken_away(
    tmp_path: Path,
) -> None:
    with served.serving(FLOWS, KEYS) as flowise:
        server = start(tmp_path, OWNER)
        try:
            server.env["FLOWISE_API_KEY"] = TEXT
            done = server.manage("import_flowise", flowise.url, "--team", "acme")
            assert done.returncode == 0, done.stderr
            shop, docs, opened = str(SHOP), str(DOCS), str(OPEN)
            assert server.predict(TEXT, shop).json()["text"] == "Shop answers"
            assert server.predict(OTHER, docs).json()["text"] == "Docs answers"
            assert server.predict(TEXT, docs).status == 403
            assert server.predict(None, opened).status == 401
            assert server.predict(shapes.text(), shop).status == 401
            calls = server.wait_for_calls(1, shop)
            assert calls[-1]["key_name"] == "crm-sync"
            new = server.do("rotate", name="crm-sync")
            assert [server.predict(text, shop).status for text in (TEXT, new)] == [200, 200]
            server.do("retire", name="crm-sync")
            assert [server.predict(text, shop).status for text in (TEXT, new)] == [401, 200]
            server.do("disable", name="website")
            assert server.predict(OTHER, docs).status == 401
            assert TEXT not in server.log + done.stdout + done.stderr
        finally:
            assert server.stop() == 0
