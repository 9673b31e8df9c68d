"""Template tags of the audit trail: sentences and changed facts."""

from dataclasses import dataclass

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from accounts.audit import words
from accounts.models import AuditEvent

register = template.Library()

MAX_VALUE = 400  # characters of a value on the page; files have all of it
WORDS = {None: "nothing", True: "yes", False: "no", "": "nothing"}


@dataclass(frozen=True, slots=True)
class Change:
    """One fact before and after. None: the event does not name it."""

    name: str
    before: str | None
    after: str | None


@register.filter
def happened(event: AuditEvent) -> SafeString:
    """Return the event as a sentence without its subject. What has a page is a link to it."""
    before, name, after = words.sentence(event.action, event.target_name)
    target = format_html(" <b>{}</b>", name) if name else ""
    if name and (url := getattr(event, "target_url", "")):
        target = format_html(' <a class="name" href="{}">{}</a>', url, name)
    return format_html("{}{}{}", before, target, after and f" {after}")


@register.filter
def changes(event: AuditEvent) -> list[Change]:
    """Return the facts that the event added, changed or removed."""
    before, after = event.before or {}, event.after or {}
    return [
        Change(
            words.fact_name(name),
            _words(before[name]) if name in before else None,
            _words(after[name]) if name in after else None,
        )
        for name in {**before, **after}
        if name not in before or name not in after or before[name] != after[name]
    ]


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_words(each) for each in value) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_words(each)}" for name, each in value.items()) or "nothing"
    if value is None or isinstance(value, bool | str):
        value = WORDS.get(value, value)
    return Truncator(str(value)).chars(MAX_VALUE)
