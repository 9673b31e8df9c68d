"""System checks: every page of the URL conf must declare a policy."""

from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.guards import Policy


@checks.register(checks.Tags.security)
def every_page_has_a_policy(**_: Any) -> list[checks.CheckMessage]:
    """Report error accounts.E001 for each URL whose view declares no policy."""
    return [
        checks.Error(
            f"The page {path!r} declares no policy.",
            hint="Put @team_view, @operator_view, @signed_in_view or @open_view on its view.",
            id="accounts.E001",
        )
        for path, policy in policies()
        if policy is None
    ]


def policies() -> Iterator[tuple[str, Policy | None]]:
    """List every path of the URL conf with the policy that its view declares, or None."""
    for path, view in pages():
        yield path, getattr(view, "policy", None)


def pages() -> Iterator[tuple[str, Any]]:
    """List every path of the URL conf with its view."""
    return _walk(get_resolver().url_patterns, "/")


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif not getattr(pattern.callback, "is_operation", False):  # those name their scopes
            yield path, pattern.callback
