"""Usable: the rule, what the model makes of it, and its twin in SQL, in every combination."""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from django.utils import timezone

from accounts.models import ServiceAccount, Team
from apikeys import usable
from apikeys.models import ApiKey, KeySecret, Status
from apikeys.usable import KeyFacts, State
from tests import factories

NOW = timezone.now()
MOMENTS = (None, NOW - timedelta(seconds=1), NOW, NOW + timedelta(microseconds=1))
NEVER = timezone.now() - timedelta(days=9)


class Case(NamedTuple):
    """Everything that the rule looks at; `ends` are the ends of the key's secrets."""

    expires_at: datetime | None
    ends: tuple[datetime | None, ...]
    is_disabled: bool
    is_deleted: bool
    is_team_suspended: bool
    account: str

    @property
    def facts(self) -> KeyFacts:
        last = None if None in self.ends else max([e for e in self.ends if e], default=NEVER)
        return KeyFacts(
            is_deleted=self.is_deleted,
            is_team_suspended=self.is_team_suspended,
            is_disabled=self.is_disabled,
            is_account_disabled=self.account in ("disabled", "deleted"),
            secret_ends_at=last,
            expires_at=self.expires_at,
        )


def cases() -> Iterator[Case]:
    ends = [(), *[(moment,) for moment in MOMENTS], (MOMENTS[1], MOMENTS[3]), (MOMENTS[1], NOW)]
    switches = [[False, True]] * 3
    accounts = ["none", "working", "disabled", "deleted"]
    for case in itertools.product(MOMENTS, ends, *switches, accounts):
        yield Case._make(case)


def account(team: Team, state: str) -> ServiceAccount:
    """An account of a team, in a state."""
    return ServiceAccount.objects.create(
        team=team,
        name=state,
        environment="production",
        disabled_at=NOW if state == "disabled" else None,
        deleted_at=NOW if state == "deleted" else None,
    )


def test_the_rule_the_sql_and_the_model_agree_in_every_combination(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    teams = {is_suspended: factories.team(f"Team {is_suspended}") for is_suspended in (False, True)}
    accounts = {
        (is_suspended, state): account(team, state)
        for is_suspended, team in teams.items()
        for state in ("working", "disabled", "deleted")
    }
    Team.objects.filter(pk=teams[True].pk).update(suspended_at=NOW)
    made: dict[ApiKey, Case] = {
        ApiKey(
            team=teams[case.is_team_suspended],
            name=f"key {number}",
            name_key=f"key {number}",
            expires_at=case.expires_at,
            disabled_at=NOW if case.is_disabled else None,
            deleted_at=NOW if case.is_deleted else None,
            service_account=accounts.get((case.is_team_suspended, case.account)),
        ): case
        for number, case in enumerate(cases())
    }
    ApiKey.objects.bulk_create(made)
    KeySecret.objects.bulk_create(
        KeySecret(
            key=key,
            public_id=f"{number:06}{place}",
            digest=f"{number} {place}",
            pepper_version=1,
            ends_at=ends_at,
        )
        for number, (key, case) in enumerate(made.items())
        for place, ends_at in enumerate(case.ends)
    )
    by_sql = set(ApiKey.objects.usable(NOW).values_list("pk", flat=True))
    read = ApiKey.objects.filter(pk__in=[key.pk for key in made])
    by_model = {key.pk: key.is_usable for key in read.with_status()}
    assert len(by_model) == len(made) == 4 * 7 * 8 * 4
    for key, case in made.items():
        is_good = usable.state(case.facts, NOW) is State.GOOD
        assert (key.pk in by_sql, by_model[key.pk]) == (is_good, is_good), case
    assert len(by_sql & set(by_model)) == 2 * 3 * 2


@pytest.mark.fast
@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, State.GOOD),
        ({"expires_at": NOW}, State.EXPIRED),
        ({"expires_at": NOW, "secret_ends_at": NOW}, State.REVOKED),
        ({"secret_ends_at": NOW, "is_account_disabled": True}, State.ACCOUNT_DISABLED),
        ({"is_account_disabled": True, "is_disabled": True}, State.DISABLED),
        ({"is_disabled": True, "is_team_suspended": True}, State.TEAM_SUSPENDED),
        ({"is_team_suspended": True, "is_deleted": True}, State.REVOKED),
    ],
)
def test_of_several_reasons_the_first_one_counts(change: dict[str, object], state: State) -> None:
    good = KeyFacts(False, False, False, False, None, None)
    assert usable.state(good._replace(**change), NOW) is state  # type: ignore[arg-type]


def test_a_key_that_is_disabled_twice_can_be_enabled(acme: Team) -> None:
    key, _ = factories.key(acme, "crm-sync")
    key.service_account = account(acme, "disabled")
    assert key.status == Status.ACCOUNT_DISABLED
    key.disabled_at = NOW
    assert str(key.status) == Status.DISABLED  # the page offers to enable it
