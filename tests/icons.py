"""The sprite of icons that lists draw: `python -m tests.icons` writes static/img/icons.svg anew."""

import re
from pathlib import Path

import lucide

ROOT = Path(__file__).parent.parent
SPRITE = ROOT / "static" / "img" / "icons.svg"
USED = re.compile(r'{% icon "([a-z0-9-]+)" %}')


def sprite() -> str:
    """Return the sprite of every icon that a template draws from it."""
    names = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in USED.findall(path.read_text())
    }
    symbols = [_symbol(name) for name in sorted(names)]
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "".join(symbols) + "</svg>\n"


def _symbol(name: str) -> str:
    drawn = lucide._render_icon(name, None)
    inside = re.sub(r"\s*\n\s*", "", drawn[drawn.index(">") + 1 : drawn.rindex("</svg>")])
    return f'<symbol id="{name}" viewBox="0 0 24 24">{inside}</symbol>\n'


if __name__ == "__main__":
    SPRITE.write_text(sprite())
