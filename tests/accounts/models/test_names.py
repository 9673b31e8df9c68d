"""Names that a team has once: also if somebody takes one while it is being checked."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError

from accounts.models import ServiceAccount, Team
from accounts.models.names import Named
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys.models import ApiKey
from apikeys.services import keys
from chatflows.models import Chatflow
from chatflows.services import chatflows
from tests import factories

pytestmark = pytest.mark.django_db


def machine(name: str) -> About:
    return About(name, "production")


def new_key(team: Team, name: str) -> None:
    keys.add(team, name, factories.TESTER)


def new_chatflow(team: Team, name: str) -> None:
    chatflows.create(team, name, factories.TESTER)


def renamed_chatflow(team: Team, name: str) -> None:
    chatflows.rename(Chatflow.objects.of(team).get(name="Shop"), name, factories.TESTER)


def new_account(team: Team, name: str) -> None:
    service_accounts.create(team, machine(name), factories.TESTER)


def renamed_account(team: Team, name: str) -> None:
    account = ServiceAccount.objects.of(team).get(name="backup")
    service_accounts.change(account, machine(name), factories.TESTER)


@pytest.mark.parametrize(
    ("take", "rival", "model"),
    [
        (new_key, new_key, ApiKey),
        (new_chatflow, new_chatflow, Chatflow),
        (renamed_chatflow, new_chatflow, Chatflow),
        (new_account, new_account, ServiceAccount),
        (renamed_account, new_account, ServiceAccount),
    ],
    ids=lambda value: value.__name__,
)
def test_a_name_that_was_taken_since_the_check_is_refused_like_any_taken_one(
    acme: Team,
    monkeypatch: pytest.MonkeyPatch,
    take: Callable[[Team, str], None],
    rival: Callable[[Team, str], None],
    model: type[Named],
) -> None:
    new_chatflow(acme, "Shop")
    new_account(acme, "backup")
    full_clean = model.full_clean

    def and_then_taken(self: Named) -> None:
        full_clean(self)
        monkeypatch.undo()
        rival(acme, "CRM-Sync")

    monkeypatch.setattr(model, "full_clean", and_then_taken)
    with pytest.raises(ValidationError, match="of this name"):
        take(acme, "crm-sync")
