"""Markdown: turn answers into safe HTML. Every answer is treated as a stranger's text."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.utils.html import escape
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

MAX_LENGTH = 20_000  # characters; a longer answer is shown as it was typed
MAX_BRACKETS = 1_000  # each may start a search to the text's end: hostile ones would cost seconds
SCHEMES = ("http", "https", "mailto")


@lru_cache(maxsize=256)  # a conversation's page shows the same answers again and again
def to_html(text: str) -> SafeString:
    """Return paragraphs, lists, tables, code and links as HTML. Tags in the text are shown as text.

    Links are http, https or mailto and send no referrer. Pictures are replaced by their words.
    """
    if len(text) > MAX_LENGTH or text.count("[") > MAX_BRACKETS:
        return SafeString(f'<p class="as-typed">{escape(text)}</p>')
    return SafeString(_renderer.render(text))  # safe: HTML is off, as hostile tests show


def _is_safe(url: str) -> bool:
    try:
        return urlsplit(url.strip()).scheme.lower() in SCHEMES
    except ValueError:
        return False


def _link(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    tokens[at].attrSet("rel", "noopener noreferrer nofollow")
    tokens[at].attrSet("target", "_blank")
    return renderer.renderToken(tokens, at, options, env)


def _heading(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    # The page's own headings have the levels above.
    tokens[at].tag = f"h{min(int(tokens[at].tag[1]) + 2, 6)}"
    return renderer.renderToken(tokens, at, options, env)


def _cell(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    tokens[at].attrs.pop("style", None)  # an alignment; the CSP allows no inline style
    return renderer.renderToken(tokens, at, options, env)


def _image(renderer: RendererHTML, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return str(escape(tokens[at].content))


def _made() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    made.validateLink = _is_safe  # type: ignore[method-assign]
    made.add_render_rule("link_open", _link)
    made.add_render_rule("image", _image)
    for end in ("heading_open", "heading_close"):
        made.add_render_rule(end, _heading)
    for cell in ("th_open", "td_open"):
        made.add_render_rule(cell, _cell)
    return made


_renderer = _made()
