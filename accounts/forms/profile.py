"""The forms of a person's own account but the password."""

from zoneinfo import available_timezones

from django import forms

from accounts.forms.base import StrictForm
from accounts.models import Theme


def _zones() -> list[tuple[str, str]]:
    # Names of places alone: those without a slash are old, or repeat one of these.
    places = sorted(name for name in available_timezones() if "/" in name and "Etc" not in name)
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]


class LooksForm(StrictForm):
    """The colours and the time zone of pages."""

    theme = forms.ChoiceField(
        choices=[("", "As my system"), *Theme.choices], required=False, widget=forms.RadioSelect
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=_zones,
        help_text="Pages show times in it. Mails and exports say UTC.",
    )


class AccountForm(StrictForm):
    """The username and the e-mail address."""

    username = forms.CharField(
        max_length=64,
        help_text="You log in with it, and others see it.",
        widget=forms.TextInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="A new address counts once you open the link that is sent there.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
