"""Forms of teams: the name."""

from django import forms

from accounts.forms.base import StrictForm
from accounts.models.names import is_plain


class TeamNameForm(StrictForm):
    """The name of a team."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def clean_name(self) -> str:
        """Refuse a name that is not one line of visible characters."""
        name: str = self.cleaned_data["name"]
        if not is_plain(name):
            raise forms.ValidationError("Use visible characters on one line.")
        return name
