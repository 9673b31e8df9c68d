"""Forms of the operator's page of teams."""

from typing import Any

from django import forms
from django.db.models import Q

from accounts.models import Team, User
from accounts.team_forms import TeamNameForm


class NewTeamForm(TeamNameForm):
    """A new team and its first owner."""

    owner = forms.CharField(
        max_length=254,
        label="First owner",
        help_text="Username or e-mail of someone who has an account here.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_owner(self) -> User:
        """The account that this names."""
        text: str = self.cleaned_data["owner"]
        people = User.objects.filter(is_active=True)
        person = people.filter(Q(username__iexact=text) | Q(email__iexact=text)).first()
        if person is None:
            raise forms.ValidationError("Nobody with an account here has this name or e-mail.")
        return person


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
