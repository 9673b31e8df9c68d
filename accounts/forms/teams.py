"""Forms of teams: what one is called, who owns it first, and whether it is to go."""

from typing import Any

from django import forms
from django.http import QueryDict

from accounts.forms.base import StrictForm
from accounts.forms.versions import Versioned
from accounts.mail import addresses
from accounts.models import Team, User
from accounts.services import teams, users


class TeamNameForm(StrictForm):
    """The name of a team."""

    name = forms.CharField(
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="It stands in mails, so it takes no web or e-mail address.",
    )

    def clean_name(self) -> str:
        """Refuse a new name that is no visible line or holds an address."""
        name: str = self.cleaned_data["name"]
        if name != self.initial.get("name"):
            teams.check_name(name)
        return name


class RenameTeamForm(Versioned, TeamNameForm):
    """Another name of a team."""

    @classmethod
    def of(cls, team: Team, data: QueryDict | None = None) -> "RenameTeamForm":
        """Return the form of a team as it is now."""
        return cls(data, initial={"name": team.name}, version=teams.version_of(team))


class NewTeamForm(TeamNameForm):
    """A new team and its first owner: someone with an account, or an address to invite."""

    owner = forms.CharField(
        max_length=addresses.MAX_LENGTH,
        label="First owner",
        help_text="Username or e-mail. Who has no account here yet is invited.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_owner(self) -> User | str:
        """The account that this names, or else the address."""
        text: str = self.cleaned_data["owner"]
        person = users.find(text)
        if person is None and "@" in text:
            return _one(text)
        if person is None or not person.is_active:
            raise forms.ValidationError("Nobody who can log in here has this name or e-mail.")
        return person


class FirstOwnerForm(StrictForm):
    """Whom to invite as the owner of a team that has none."""

    email = forms.CharField(
        label="E-mail",
        max_length=addresses.MAX_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_email(self) -> str:
        """Exactly one address."""
        return _one(self.cleaned_data["email"])


class DeleteTeamForm(forms.Form):
    """Deleting cannot be undone: the name is typed to confirm."""

    confirm_name = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = team.name

    def clean_confirm_name(self) -> str:
        """The exact name."""
        typed: str = self.cleaned_data["confirm_name"]
        if typed != self._name:
            raise forms.ValidationError(f"Type {self._name} to delete it.")
        return typed


def _one(text: str) -> str:
    """Read the one address in a pasted text. Raises ValidationError."""
    found = addresses.pasted(text)
    return addresses.one(found[0] if len(found) == 1 else text)
