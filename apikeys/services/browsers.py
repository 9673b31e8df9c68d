"""Browsers: what pages show of keys that web pages use, or try to."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from accounts.network import origins
from accounts.outages import Unavailable
from apikeys import resources
from apikeys.models import ApiKey
from apikeys.resources import Resource, SeenOrigin
from apikeys.services import publishable

WARN_DAYS = 14  # after the last call that a secret key made in a browser
OFFER_DAYS = 7
OFFERED = 3  # refused origins that are offered at once
NAMELESS = "a page without an address"
_PLAIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.:\[\]-]+")


@dataclass(frozen=True, slots=True)
class WebPage:
    """An origin that may use a publishable key, and its calls of today."""

    origin: str
    today: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """Calls with a secret key from the pages of one origin."""

    words: str
    calls: int
    last_at: datetime

    @property
    def is_named(self) -> bool:
        """Whether the words are the origin itself."""
        return self.words != NAMELESS


@dataclass(frozen=True, slots=True)
class Publishable:
    """What the page of a publishable key shows beside what every key has.

    `texts` is None if they can't be read now. `pinned_to` is None if the chatflow was deleted.
    """

    texts: Sequence[str] | None
    web_pages: Sequence[WebPage]
    offered: Sequence[SeenOrigin]  # refused lately: they may be added
    pinned_to: Resource | None
    is_selected: bool  # the Access page of the chatflow can take the key out
    snippets: Sequence[object]  # code for a web page; none without a text or a chatflow


def card(key: ApiKey) -> Publishable | None:
    """Return what the key's page shows; None for a secret key."""
    if not key.is_publishable or key.pinned_to is None:
        return None
    registry, texts = resources.registry(), _texts(key)
    today = {seen.origin: seen.let_in for seen in registry.seen_origins(key, 1)}
    pinned_to = publishable.pinned_to(key)
    return Publishable(
        texts=texts,
        web_pages=[WebPage(origin, today.get(origin, 0)) for origin in key.origins],
        offered=_offered(key),
        pinned_to=pinned_to,
        is_selected=bool(registry.of_keys([key]).get(key.id)),
        snippets=registry.page_snippets(pinned_to, texts[0]) if pinned_to and texts else (),
    )


def in_browsers(keys: Iterable[ApiKey]) -> Mapping[UUID, Sequence[Sighting]]:
    """Return the origins from which secret keys were sent lately, the last one first.

    A secret key that lists origins is meant as well: whoever opens the page can read it there.
    """
    secret = [key for key in keys if not key.is_publishable]
    if not secret:
        return {}
    since = timezone.now() - timedelta(days=WARN_DAYS)
    # One day more: the day, by UTC, in which `since` lies.
    found = resources.registry().origins_of_keys(secret, WARN_DAYS + 1)
    lately = {
        key_id: [
            Sighting(words(each.origin), each.let_in + each.refused, each.last_at)
            for each in sorted(seen, key=lambda each: each.last_at, reverse=True)
            if each.last_at > since
        ]
        for key_id, seen in found.items()
    }
    return {key_id: seen for key_id, seen in lately.items() if seen}


def words(origin: str) -> str:
    """Return an origin as pages and mails name it. It is a caller's own text, and may be odd."""
    return origin if _PLAIN.fullmatch(origin) is not None else NAMELESS


def _texts(key: ApiKey) -> Sequence[str] | None:
    try:
        return publishable.texts(key)
    except Unavailable:
        return None


def _offered(key: ApiKey) -> Sequence[SeenOrigin]:
    seen = resources.registry().seen_origins(key, OFFER_DAYS)
    refused = [s for s in seen if s.refused and s.origin not in key.origins and _is_page(s.origin)]
    return sorted(refused, key=lambda s: s.refused, reverse=True)[:OFFERED]


def _is_page(text: str) -> bool:
    """Whether it can be listed. Programs send what they like as their origin."""
    try:
        return origins.origin(text) == text
    except ValueError:
        return False
