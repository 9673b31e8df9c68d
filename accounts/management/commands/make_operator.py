"""make_operator: make a person an operator, or with --undo no longer."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from accounts.models import User
from accounts.outages import NOT_STARTED, OUTAGES
from accounts.permissions import Actor
from accounts.services import users

BY = Actor("command", "make_operator", "manage.py make_operator")


class Command(BaseCommand):
    help = "Lets a person make, suspend and delete teams. It opens no team to them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("person", help="username or e-mail")
        parser.add_argument("--undo", action="store_true", help="no longer an operator")

    def handle(self, *args: Any, **options: Any) -> None:
        """Change the person, and say so."""
        try:
            self._change(options["person"], is_operator=not options["undo"])
        except OUTAGES:
            raise CommandError(NOT_STARTED) from None

    def _change(self, text: str, *, is_operator: bool) -> None:
        user = User.objects.filter(Q(username__iexact=text) | Q(email__iexact=text)).first()
        if user is None:
            raise CommandError(f"Nobody here is called {text!r}.")
        users.set_operator(user, is_operator, BY)
        self.stdout.write(f"{user.username} is {'an ' if is_operator else 'no '}operator.")
