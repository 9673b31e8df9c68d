"""The cast: alice owns acme, adam administers, eddie edits, vera views, mallory is a stranger."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from django.test import Client
from hypothesis import settings as hypothesis_settings

from accounts.models import Role, Team, User
from accounts.permissions import Actor
from accounts.services import teams
from apikeys.models import ApiKey
from apikeys.services import keys
from chatflows.models import Chatflow
from config.delivery import compression
from tests import factories

# The same examples at each run: a red test here is red there.
hypothesis_settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)
hypothesis_settings.load_profile("house")


SECRET = re.compile(
    rb"flk_[sp]k_[0-9A-Za-z]{12}_[0-9A-Za-z]{20}"
    rb"|/(join|set-up|password-reset|key-link|key-contact|key-undo|new-email)/[-\w]{20}"
)


class Integration(NamedTuple):
    """A program that holds a key."""

    key: ApiKey
    text: str


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that pytest's workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("server") is None)


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture(autouse=True, scope="session")
def _no_secret_is_compressed() -> Iterator[None]:
    """Whatever page a test opens: one that could be compressed shows no key text and no link."""
    may_be = compression.may_be

    def checked(request: HttpRequest, response: HttpResponseBase) -> bool:
        answer = may_be(request, response)
        if answer:
            assert not SECRET.search(response.content), request.path  # type: ignore[attr-defined]
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compression, "may_be", checked)
        yield


@pytest.fixture
def acme(db: None) -> Team:
    return factories.team("Acme")


@pytest.fixture
def alice(acme: Team) -> User:
    person = factories.user("alice")
    teams.add_owner(acme, person, factories.TESTER)
    return person


@pytest.fixture
def adam(acme: Team) -> User:
    person = factories.user("adam")
    factories.join(acme, person, Role.ADMIN)
    return person


@pytest.fixture
def eddie(acme: Team) -> User:
    person = factories.user("eddie")
    factories.join(acme, person, Role.EDITOR)
    return person


@pytest.fixture
def vera(acme: Team) -> User:
    person = factories.user("vera")
    factories.join(acme, person, Role.VIEWER)
    return person


@pytest.fixture
def mallory(db: None) -> User:
    """A stranger to acme, who owns globex."""
    return factories.user("mallory")


@pytest.fixture
def globex(mallory: User) -> Team:
    team = factories.team("Globex")
    teams.add_owner(team, mallory, factories.TESTER)
    return team


@pytest.fixture
def by_alice(alice: User) -> Actor:
    return Actor("person", str(alice.pk), alice.username, "192.0.2.1")


@pytest.fixture
def as_alice(alice: User) -> Client:
    """Alice's browser, fresh from her login."""
    return factories.client(alice, is_fresh=True)


@pytest.fixture
def as_eddie(eddie: User) -> Client:
    return factories.client(eddie, is_fresh=True)


@pytest.fixture
def as_vera(vera: User) -> Client:
    return factories.client(vera, is_fresh=True)


@pytest.fixture
def as_mallory(mallory: User) -> Client:
    return factories.client(mallory, is_fresh=True)


@pytest.fixture
def default_key(acme: Team) -> ApiKey:
    """DefaultKey of acme, without a secret."""
    return ApiKey.objects.of(acme).get(name=ApiKey.DEFAULT_NAME)


@pytest.fixture
def faq(acme: Team) -> Chatflow:
    """A chatflow of acme in mode keys, with DefaultKey selected."""
    return factories.chatflow(acme, "Support FAQ")


@pytest.fixture
def integration(acme: Team, faq: Chatflow) -> Integration:
    """A key that opens `faq`."""
    return Integration(*factories.key(acme, "crm-sync", faq))


@pytest.fixture
def issued_default_key(default_key: ApiKey) -> str:
    """The text of DefaultKey."""
    return keys.issue(default_key, factories.TESTER)
