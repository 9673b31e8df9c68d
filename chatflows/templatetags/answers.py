"""Template filters for answers."""

from django import template
from django.utils.safestring import SafeString

from chatflows.markdown import to_html

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """Return an answer's markdown as safe HTML."""
    return to_html(text)
