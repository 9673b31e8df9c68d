"""What is wrong with a page to look at, or to hear: too wide, unnamed, headings out of order,
what axe finds, and links of one name that lead to two places."""

from collections.abc import Iterator
from typing import Literal

from playwright.sync_api import Page

from tests.pages import axe

WIDTHS = (320, 360, 390, 720, 820, 1440, 1600)
AXE_WIDTHS = (390, 1440)
# Names as a screen reader finds them, near enough: our pages have no other kinds of them.
_FLAWS = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (each) => each.getClientRects().length && !each.closest("[aria-hidden=true]");
  const at = (each, attribute) => (each.getAttribute(attribute) || "").split(" ").filter(Boolean);
  const words = (elements) => elements.map((each) => each?.textContent || "").join("");
  const name = (each) =>
    each.getAttribute("aria-label") ||
    words(at(each, "aria-labelledby").map((id) => document.getElementById(id))) ||
    ("labels" in each && each.tagName !== "BUTTON" ? words([...each.labels]) : words([each])) ||
    each.title;
  const unnamed = all("a[href], button, input:not([type=hidden]), select, textarea, summary")
    .filter((each) => shown(each) && !name(each).trim())
    .map((each) => `no name: ${each.outerHTML.slice(0, 90)}`);

  const ids = all("[id]").map((each) => each.id);
  const twice = ids.filter((id, n) => ids.indexOf(id) < n).map((id) => `twice: #${id}`);
  const nowhere = all("[aria-describedby], [aria-labelledby]")
    .flatMap((each) => [...at(each, "aria-describedby"), ...at(each, "aria-labelledby")])
    .filter((id) => !ids.includes(id))
    .map((id) => `nowhere: #${id}`);

  const levels = all("h1, h2, h3, h4, h5")
    .filter(shown)
    .map((each) => Number(each.getAttribute("aria-level") || each.tagName[1]));
  const jumps = levels
    .filter((level, n) => n && level > levels[n - 1] + 1)
    .map((level) => `a heading of level ${level} after none of ${level - 1}`);
  const tops = levels.filter((level) => level === 1).length;
  const heads = tops === 1 ? [] : [`${tops} headings of level 1`];

  // But for the long name that tests give to everything.
  const places = new Map();
  for (const link of all("a[href]").filter(shown)) {
    const words = (link.getAttribute("aria-label") ?? link.innerText).trim();
    places.set(words, (places.get(words) ?? new Set()).add(link.href));
  }
  const named = [...places].filter(([words, to]) => to.size > 1 && !/^W+$/.test(words));
  const same = named.map(([words]) => `links of one name and two places: ${words}`);
  return [...unnamed, ...twice, ...nowhere, ...jumps, ...heads, ...same];
}"""


def wrong(page: Page) -> Iterator[str]:
    """What is wrong with the page that is open."""
    yield from page.evaluate(_FLAWS)
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        rules = axe.EVERYTHING if scheme == "light" else axe.COLOURS  # colours move nothing
        for width in WIDTHS if scheme == "light" else AXE_WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            spill = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if spill > 0:
                yield f"{scheme} at {width} px: {spill} px too wide"
            if width in AXE_WIDTHS:
                yield from (f"{scheme} at {width} px: {e}" for e in axe.violations(page, rules))
