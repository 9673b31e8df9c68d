"""axe-core, which finds faults of accessibility in a page."""

from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

SCRIPT = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# All of WCAG 2.2 A and AA and of the best practices; the size of targets is off by default.
# Without `preload` axe fetches no stylesheet again, which the page's own policy would forbid.
EVERYTHING = (
    '{"resultTypes": ["violations"], "preload": false, "rules": {"target-size": {"enabled": true}}}'
)
COLOURS = '{"resultTypes": ["violations"], "preload": false, "runOnly": ["color-contrast"]}'
# Until then the colours are those of something in between.
SETTLED = """Promise.allSettled(
  document.getAnimations()
    .filter((each) => each.effect.getComputedTiming().endTime < Infinity)
    .map((each) => each.finished)
)"""


def violations(page: Page, options: str = EVERYTHING) -> Iterator[str]:
    """Each fault of the page as it is drawn now, with where it is."""
    # Evaluated, and not by a script element, which the policy forbids too.
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT)
    page.evaluate(f"{SETTLED}.then(() => null)")
    found = page.evaluate(f"axe.run(document, {options})")
    for each in found["violations"]:
        for node in each["nodes"]:
            yield f"{each['id']} at {node['target']}"
