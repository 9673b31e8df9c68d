"""Template tags of the look: times, money, key hints, badges."""

import re
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.template.defaultfilters import pluralize
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince, timeuntil

from accounts import money
from accounts.bounds import HELD_BACK

register = template.Library()

_LINE_ENDS = re.compile(r"\s*\n\s*")
# Around these a line end is no space between words.
_BLOCKS = re.compile(r"\n(?=</?(?:t[dr]|div|hr)\b)|(?<=[dr]>)\n|(?<=div>)\n")
MANY_KEYS = 1_001  # a badge says only that there are more than 1,000
RELATIVE_FOR = timedelta(days=1)


@register.filter
def ago(when: datetime | None, place: str = "") -> SafeString | str:
    """Return a `<time>`: in words for a day, then as a date. Its title is the full time.

    The place "first" is where a cell begins with it, so with a capital letter.
    """
    if when is None:
        return "Never" if place == "first" else "never"
    age = timezone.now() - when
    if age < timedelta(seconds=10):
        words = "Just now" if place == "first" else "just now"
    elif age < timedelta(minutes=1):
        words = f"{age.seconds} seconds ago"
    elif age < RELATIVE_FOR:
        words = f"{timesince(when, depth=1)} ago"
    else:
        here = timezone.localtime(when)
        words = f"{here.day} {here:%B}" + (
            "" if here.year == timezone.localtime().year else f" {here:%Y}"
        )
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        when.isoformat(timespec="seconds"),
        dateformat.format(timezone.localtime(when), "d F Y, H:i:s e"),
        words,
    )


@register.filter
def local_day(when: datetime) -> date:
    """Return the day of a moment in the reader's time zone."""
    return timezone.localtime(when).date()


@register.filter(name="money")
def written_money(nanos: int | None) -> str:
    """Return an amount in nanos as money of the installation's currency."""
    return money.written(nanos or 0, settings.CURRENCY)


@register.simple_tag
def currency() -> str:
    """Return the sign of the installation's currency."""
    return money.symbol(settings.CURRENCY).strip()


@register.simple_tag
def held_back() -> str:
    """Return how many tokens a call holds back for its answer."""
    return f"{HELD_BACK:,}"


@register.filter
def ahead(when: datetime) -> str:
    """Return how long until a moment that has not come, in days from one day on."""
    days = (when - timezone.now()).days
    return f"in {days} day{pluralize(days)}" if days else f"in {timeuntil(when, depth=1)}"


@register.simple_block_tag
def tight(content: str) -> SafeString:
    """Leave out the indents of rows: in a list they are a third of what is sent."""
    return mark_safe(_BLOCKS.sub("", _LINE_ENDS.sub("\n", content)))  # noqa: S308 - it is rendered, and stays so


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """Draw an icon of the sprite: in a list each is drawn many times, and its lines stand once."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>',
        static("img/icons.svg"),
        name,
    )


@register.inclusion_tag("components/key_hint.html")
def key_hint(key: Any) -> dict[str, Any]:
    """Show the hint of a key, from its public id and never from its secret."""
    prefix, head, tail = key.hint_parts
    return {"prefix": prefix, "head": head, "tail": tail}


@register.simple_tag
def key_badge(key: Any) -> SafeString:
    """Show the status of a key as a word, a shape and a colour."""
    word, tone = key.badge
    return _drawn("key_badge", tone=tone, word=word)


@register.simple_tag
def access_badge(chatflow: Any) -> SafeString:
    """Show the access mode of a chatflow with its latch."""
    keys = min(chatflow.usable_keys, MANY_KEYS)
    return _drawn("access_badge", mode=chatflow.access_mode, usable_keys=keys)


@lru_cache(maxsize=2000)
def _drawn(component: str, **values: object) -> SafeString:
    """Draw a component that depends on few values: a list has the same ones in many rows."""
    return mark_safe(render_to_string(f"components/{component}.html", values))  # noqa: S308
