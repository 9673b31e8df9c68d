"""Forms of teams: what one is called."""

from django import forms

from accounts.forms.base import StrictForm
from accounts.models.names import is_plain


class TeamNameForm(StrictForm):
    """What a team is called."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def clean_name(self) -> str:
        """One visible line."""
        name: str = self.cleaned_data["name"]
        if not is_plain(name):
            raise forms.ValidationError("Use visible characters on one line.")
        return name
