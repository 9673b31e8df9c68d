"""The terms of a new key, as the service checks them whatever a form let through."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.bounds import MAX_CALLS, NO_LIMITS, Limits
from accounts.models import Team, User
from accounts.permissions import SCOPES
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys.models import ApiKey, KeyPolicy, Kind
from apikeys.services import keys
from chatflows.models import Chatflow
from tests import factories

pytestmark = pytest.mark.django_db

PUBLIC = {"kind": Kind.PUBLISHABLE, "origins": ["https://a.example"], "limits": Limits(day=9)}
MANY = [f"https://a{n}.example" for n in range(10_000)]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"kind": "magic"}, "kind"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["*"]}, "scopes"),
        ({"scopes": ["chatflows:*"]}, "scopes"),
        ({"scopes": ["predictions:create"] * 10_000}, "scopes"),
        ({"scopes": ["team:update"]}, "scopes"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expires_at"),
        ({"networks": ["203.0.113.7/24"]}, "networks"),
        ({"networks": ["::ffff:203.0.113.0/120"]}, "networks"),
        ({"networks": ["0.0.0.0/0"]}, "networks"),
        ({"networks": ["::/0"]}, "networks"),
        ({"networks": ["nonsense"]}, "networks"),
        ({"networks": [f"10.0.{n}.0/24" for n in range(51)]}, "networks"),
        ({"origins": ["*"]}, "origins"),
        ({"origins": ["null"]}, "origins"),
        ({"origins": ["HTTPS://A.example"]}, "origins"),
        ({"origins": ["https://a.example:443"]}, "origins"),
        ({"origins": MANY}, "origins"),
        ({"limits": Limits(minute=0)}, "limits"),
        ({"limits": Limits(minute=-1)}, "limits"),
        ({"limits": Limits(day=2**63)}, "limits"),
        ({"limits": Limits(month=MAX_CALLS + 1)}, "limits"),
        ({"limits": Limits(day=True)}, "limits"),
        ({"limits": Limits(budget=1.5)}, "limits"),  # type: ignore[arg-type]
        ({"note": "x" * 301}, "note"),
        ({"environment": "moon"}, "environment"),
        ({"pinned_to": factories.NOBODYS_ID}, "pinned_to"),
        ({**PUBLIC}, "pinned_to"),
        ({**PUBLIC, "pinned_to": factories.NOBODYS_ID}, "pinned_to"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_does_not_hold_is_refused_by_its_field(
    acme: Team, terms: dict[str, Any], field: str
) -> None:
    before = factories.dump()
    with pytest.raises(ValidationError) as caught:
        keys.add(acme, "k", factories.TESTER, **terms)
    assert set(caught.value.message_dict) == {field}
    assert factories.dump() == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"origins": []}, "origins"),
        ({"limits": NO_LIMITS}, "limits"),
        ({"limits": Limits(month=5, streams=1)}, "limits"),
        ({"scopes": ["predictions:create", "usage:view"]}, "scopes"),
        ({"scopes": ["usage:view"]}, "scopes"),
    ],
    ids=str,
)
def test_a_publishable_key_is_bounded(
    acme: Team, faq: Chatflow, change: dict[str, Any], field: str
) -> None:
    terms: dict[str, Any] = {**PUBLIC, "pinned_to": faq.id}
    with pytest.raises(ValidationError) as caught:
        keys.add(acme, "k", factories.TESTER, **{**terms, **change})
    assert set(caught.value.message_dict) == {field}
    key, _ = keys.add(acme, "k", factories.TESTER, **terms)
    assert set(key.chatflows.all()) == {faq}


def test_all_that_is_wrong_is_named_at_once(acme: Team) -> None:
    wrong: Any = {"scopes": ["*"], "origins": ["*"], "networks": ["*"], "limits": Limits(day=0)}
    with pytest.raises(ValidationError) as caught:
        keys.create(acme, "k", factories.TESTER, **wrong)
    assert set(caught.value.message_dict) == set(wrong)


def test_nothing_of_another_team_is_taken(
    acme: Team, globex: Team, mallory: User, alice: User
) -> None:
    foreign = factories.chatflow(globex, "Foreign")
    account = service_accounts.create(globex, About("Theirs", "production"), factories.TESTER)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("contact", {"contact": mallory}),
        ("service_account", {"service_account": account}),
        ("pinned_to", {**PUBLIC, "pinned_to": foreign.id}),
    ]
    for field, terms in wrong:
        with pytest.raises(ValidationError) as caught:
            keys.add(acme, "k", factories.TESTER, **terms)
        assert set(caught.value.message_dict) == {field}
    User.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(ValidationError):
        keys.add(acme, "k", factories.TESTER, contact=alice)
    assert ApiKey.objects.of(acme).count() == 1


@pytest.mark.parametrize(
    ("policy", "days", "is_allowed"),
    [
        ({}, None, True),
        ({}, 5000, True),
        ({"may_last_forever": False}, None, False),
        ({"may_last_forever": False}, 5000, True),
        ({"longest_life": 30}, None, True),
        ({"longest_life": 30, "may_last_forever": False}, None, False),
        ({"longest_life": 30}, 31, False),
        ({"longest_life": 30}, 30, True),
        ({"longest_life": 0}, 1, False),
    ],
    ids=str,
)
def test_the_key_policy_bounds_the_end(
    acme: Team, policy: dict[str, Any], days: int | None, is_allowed: bool
) -> None:
    KeyPolicy.objects.create(team=acme, **policy)
    expires_at = timezone.now() + timedelta(days=days) if days else None
    if is_allowed:
        assert keys.create(acme, "k", factories.TESTER, expires_at=expires_at).pk
        return
    with pytest.raises(ValidationError) as caught:
        keys.create(acme, "k", factories.TESTER, expires_at=expires_at)
    assert set(caught.value.message_dict) == {"expires_at"}


def test_a_policy_of_another_team_bounds_nothing_here(acme: Team, globex: Team) -> None:
    KeyPolicy.objects.create(team=globex, longest_life=1, scopes=[])
    assert keys.create(acme, "k", factories.TESTER, scopes=SCOPES).expires_at is None
