"""axe-core, which finds faults of accessibility in a page."""

import json
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

SCRIPT = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# All of WCAG 2.2 A and AA and of the best practices; the size of targets is off by default.
EVERYTHING = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}


def violations(page: Page, options: dict[str, object] = EVERYTHING) -> Iterator[str]:
    """Each fault of the page as it is drawn now, with where it is."""
    # Evaluated, and not by a script element: the page's own policy forbids it.
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT)
    found = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    for each in found["violations"]:
        for node in each["nodes"]:
            yield f"{each['id']} at {node['target']}"
