"""Names that a team has once: also if somebody takes one while it is being checked."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.mail import outbox
from accounts.models import Mail, ServiceAccount, Team
from accounts.models.names import Named, unlinked
from accounts.services import service_accounts, teams
from accounts.services.service_accounts import About
from apikeys.models import ApiKey
from apikeys.services import keys
from chatflows.models import Chatflow
from chatflows.services import chatflows
from tests import factories
from tests.forms import send

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


@pytest.mark.fast
@pytest.mark.parametrize(
    "name",
    [
        "Win at http://evil.example/now",
        "HTTPS://evil.example",
        "//evil.example",
        "www.evil.example",
        "Go to www.evil",
        "evil.example/now",
        "evil.example:8080",
        "evil.example?x",
        "evil.xn--p1ai/x",
        "mailto:eve",
        "ask eve@evil.example",
        "javascript:alert",
        "\\\\evil\\share",
        "1.2.3.4/x",
        "at 1.2.3.4:8080",
        "Evil.Com/x",
        "EVIL.EXAMPLE/x",
        "evil.Io/x",
        "R&D //evil.example",
        "ssh://evil",
        "http:evil",
        "Data: data:text/html,x",
        "file:///etc/passwd",
        "tel:+4930123",
        "sms:123",
        "\uff48\uff54\uff54\uff50\uff1a\uff0f\uff0fevil.example",
        "evil\u3002example/now",
    ],
)
def test_a_name_takes_no_address(acme: Team, name: str) -> None:
    for take in (new_key, new_chatflow, new_account, teams.create, teams.open_new):
        with pytest.raises(ValidationError, match="Leave web and e-mail addresses out"):
            take(*((acme, name) if take.__name__.startswith("new_") else (name, factories.TESTER)))
    with pytest.raises(ValidationError):
        teams.change_name(acme, name, factories.TESTER)


@pytest.mark.fast
@pytest.mark.parametrize(
    "name",
    [
        "Node.js",
        "Booking.com",
        "Acme Inc.",
        "R/D",
        "v1.2/beta",
        "crm:sync",
        "Q & A: x",
        "a@b",
        "Data: Science",
        "SMS: support",
        "File: cabinet",
        "R&D // Ops",
        "St.John/Paul",
        "Tel: desk",
        "HTTP: basics",
        "Sales//Ops",
        "Data:Science",
        "Release 1.2.3.4",
    ],
)
def test_a_name_that_holds_no_address_is_taken(acme: Team, name: str) -> None:
    new_key(acme, name)
    teams.change_name(acme, name, factories.TESTER)


def test_a_name_of_earlier_days_stays_until_it_is_changed(acme: Team, as_alice: Client) -> None:
    new_account(acme, "backup")
    ServiceAccount.objects.filter(name="backup").update(name="http://old.example")
    account = ServiceAccount.objects.of(acme).get()
    service_accounts.change(account, About("http://old.example", "staging"), factories.TESTER)
    assert ServiceAccount.objects.of(acme).get().environment == "staging"
    Team.objects.filter(pk=acme.pk).update(name="http://old.example")
    assert send(as_alice, "/t/acme/settings/", {"name": "http://old.example"}).status_code == 302
    assert send(as_alice, "/t/acme/settings/", {"name": "http://new.example"}).status_code == 422


def test_mails_print_names_so_that_no_program_makes_a_link(
    acme: Team, as_alice: Client, settings: Any
) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid", "EMAIL_PORT": 25}
    Team.objects.filter(pk=acme.pk).update(name="Win at http://evil.example/now")
    as_alice.post(
        "/t/acme/members/invitations/", {"addresses": "nora@example.com", "role": "viewer"}
    )
    mail = Mail.objects.get()
    for part in (mail.subject, *outbox.body(mail)):
        assert "Win at http:" in part
        assert "evil.example" not in part
        assert "http://evil" not in part


@pytest.mark.fast
@given(st.text(max_size=90))
def test_what_a_mail_prints_looks_like_the_name(name: str) -> None:
    printed = unlinked(name)
    assert printed.replace("\u200b", "") == name.replace("\u200b", "")
    assert not re.search(r"[.:/@]\w", printed)
