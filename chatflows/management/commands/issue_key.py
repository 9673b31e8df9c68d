"""issue_key: make a key, or a secret for a key without one, and print its text once."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts.models import Environment, ServiceAccount, Team
from accounts.models.names import fold
from accounts.outages import NOT_STARTED, OUTAGES
from accounts.permissions import Actor
from apikeys.models import ApiKey
from apikeys.scopes import DEFAULT_SCOPES
from apikeys.services import keys
from chatflows.management import arguments
from chatflows.models import Chatflow
from chatflows.services import chatflows

BY = Actor("command", "issue_key", "manage.py issue_key")
UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def lifetime(text: str) -> timedelta:
    """Read `30d`, `12h` or `15m`."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})([dhm])", text)
    if match is None:
        raise ArgumentTypeError("write it as 30d, 12h or 15m")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


class Command(BaseCommand):
    help = (
        "Prints a key's text once, on standard output alone. Makes the key if the team has none of "
        "this name; refuses if its secret exists, unless --rotate is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--team", required=True, metavar="SLUG")
        parser.add_argument("--name", required=True)
        parser.add_argument("--scopes", metavar="a,b", help="predictions:create unless given")
        parser.add_argument("--chatflow", metavar="ID", help="select the key for this chatflow")
        parser.add_argument("--service-account", metavar="NAME", help="the machine it belongs to")
        parser.add_argument("--environment", choices=Environment.values, help="where it is used")
        parser.add_argument(
            "--network",
            action="append",
            metavar="203.0.113.0/24",
            help="where calls may come from; may be given again",
        )
        parser.add_argument("--expires-in", type=lifetime, metavar="30d")
        parser.add_argument(
            "--rotate", action="store_true", help="replace a secret that exists; it ends now"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the text, or one line that says what is wrong."""
        try:
            key, text = issue(**{name: options[name] for name in OPTIONS})
        except ValidationError as error:
            raise CommandError(_words(error)) from None
        except OUTAGES:
            raise CommandError(NOT_STARTED) from None
        except keys.AlreadyIssued:
            name = options["name"]
            raise CommandError(
                f"{name} has a secret, and its text was shown then. --rotate replaces it."
            ) from None
        self.stdout.write(text)
        found = keys.found_of(key)
        self.stderr.write(f"{found.lead} {found.rest}")


OPTIONS = (
    "team",
    "name",
    "scopes",
    "chatflow",
    "service_account",
    "environment",
    "network",
    "expires_in",
    "rotate",
)

OPTION_OF = {  # by the fields of a key
    "name": "--name",
    "scopes": "--scopes",
    "networks": "--network",
    "expires_at": "--expires-in",
    "service_account": "--service-account",
}


@transaction.atomic
def issue(
    *,
    team: str,
    name: str,
    scopes: str | None,
    chatflow: str | None,
    service_account: str | None,
    environment: str | None,
    network: list[str] | None,
    expires_in: timedelta | None,
    rotate: bool,
) -> tuple[ApiKey, str]:
    """Issue a key. Return it and its text.

    Raises CommandError, ValidationError or AlreadyIssued.
    """
    owner = arguments.team(team)
    key = ApiKey.objects.of(owner).kept().filter(name_key=fold(name.strip())).first()
    if key is None:
        key = keys.create(
            owner,
            name,
            BY,
            scopes=[s.strip() for s in scopes.split(",")] if scopes else DEFAULT_SCOPES,
            expires_at=timezone.now() + expires_in if expires_in else None,
            service_account=_account(owner, service_account) if service_account else None,
            environment=environment or Environment.PRODUCTION,
            networks=network or [],
        )
    elif scopes or expires_in or service_account or environment or network:
        raise CommandError(
            f"{name} exists: its scopes, its expiry, its service account, its environment and its "
            "networks stay as they are."
        )
    text = keys.issue(key, BY, replace=rotate)
    if chatflow is not None:
        chatflows.select(key, [_chatflow(owner, chatflow).id], BY)
    return key, text


def _words(error: ValidationError) -> str:
    """Return the words of an error, each with the option that it is about."""
    fields = error.message_dict
    return " ".join(f"{OPTION_OF.get(f, f)}: {' '.join(words)}" for f, words in fields.items())


def _account(team: Team, name: str) -> ServiceAccount:
    kept = ServiceAccount.objects.of(team).kept()
    account = kept.filter(name_key=fold(name.strip())).first()
    if account is None:
        known = ", ".join(kept.order_by("name").values_list("name", flat=True))
        raise CommandError(f"There is no service account {name!r}. There are: {known or 'none'}.")
    return account


def _chatflow(team: Team, text: str) -> Chatflow:
    try:
        chatflow = Chatflow.objects.of(team).filter(id=UUID(text)).first()
    except ValueError:
        chatflow = None
    if chatflow is None:
        raise CommandError(f"The team has no chatflow {text!r}.")
    return chatflow
