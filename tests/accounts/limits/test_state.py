"""Operators see that the shared store of limits is away; others are not troubled."""

import asyncio

import pytest
from django.urls import reverse
from pytest_django import Settings

from accounts.limits import stores
from accounts.limits.stores import Ask
from tests import factories
from tests.ports import free_port

pytestmark = pytest.mark.django_db

WORDS = "does not answer"


def test_an_operator_is_told_since_when_the_store_is_away(settings: Settings) -> None:
    settings.LIMITS_URL = f"valkey://127.0.0.1:{free_port()}/0"
    stores.shared.cache_clear()
    try:
        alice = factories.user("alice")
        alice.is_operator = True
        alice.save()
        browser = factories.client(alice)
        url = reverse("operator_teams")
        assert WORDS not in browser.get(url).content.decode()
        shared = stores.shared()
        assert shared is not None
        assert asyncio.run(shared.ask([Ask("key-minute/a", 1)])) is None
        assert WORDS in browser.get(url).content.decode()
    finally:
        stores.shared.cache_clear()
