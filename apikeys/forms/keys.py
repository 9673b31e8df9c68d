"""Forms to make and to delete keys."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts.models import ServiceAccount, Team
from apikeys import resources
from apikeys.models import ApiKey

TERMS = {"30": "In 30 days", "90": "In 90 days", "365": "In one year"}
END_OF_DAY = time(23, 59, 59, tzinfo=UTC)


def _expires_choices() -> list[tuple[str, str]]:
    # A relative term stands beside the day that it means.
    days = {choice: _expires_at(choice, None) for choice in TERMS}
    terms = [(c, f"{TERMS[c]}, {d.day} {d:%B %Y}") for c, d in days.items() if d is not None]
    return [("never", "Never"), *terms, ("date", "On a date")]


def _expires_at(choice: str, day: date | None) -> datetime | None:
    if choice == "date":
        return datetime.combine(day, END_OF_DAY) if day else None
    return None if choice == "never" else timezone.now() + timedelta(days=int(choice))


class NewKeyForm(forms.Form):
    """Name, expiry and what the key opens."""

    name = forms.CharField(
        max_length=64,
        help_text="Name the integration that will hold it, such as crm-sync.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    expires = forms.ChoiceField(choices=_expires_choices, initial="never")
    expires_on = forms.DateField(
        required=False,
        label="Last day",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="It works until the end of this day, UTC.",
    )
    service_account = forms.ModelChoiceField(
        queryset=ServiceAccount.objects.none(),
        required=False,
        label="Service account",
        empty_label="None: it belongs to the team itself",
        help_text="The machine that will hold it. Disabling the account refuses all its keys.",
    )
    opens = forms.MultipleChoiceField(
        required=False, label="Opens", widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        of_team = resources.registry().of_team(team)
        self._field("opens").choices = [(str(resource.id), resource.name) for resource in of_team]
        account = self.fields["service_account"]
        assert isinstance(account, forms.ModelChoiceField)
        account.queryset = ServiceAccount.objects.of(team).kept().order_by("name_key")

    def clean(self) -> dict[str, Any]:
        """Resolve the expiry to `expires_at`."""
        cleaned = super().clean() or {}
        choice, day = cleaned.get("expires"), cleaned.get("expires_on")
        cleaned["expires_at"] = _expires_at(choice, day) if choice else None
        if choice == "date" and day is None:
            self.add_error("expires_on", "Choose the last day on which the key works.")
        elif cleaned["expires_at"] is not None and cleaned["expires_at"] <= timezone.now():
            self.add_error("expires_on", "This day is over. Choose a later one.")
        return cleaned

    def _field(self, name: str) -> forms.MultipleChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)
        return field


class DeleteKeyForm(forms.Form):
    """Delete a key, and choose another one to open what would be closed."""

    replacement = forms.ModelChoiceField(
        queryset=ApiKey.objects.none(),
        required=False,
        label="Open them with",
        empty_label="No other key: let them close",
    )

    def __init__(self, *args: Any, key: ApiKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["replacement"]
        assert isinstance(field, forms.ModelChoiceField)
        others = ApiKey.objects.of(key.team).usable().filter(pinned_to=None).exclude(pk=key.pk)
        field.queryset = others.order_by("name_key")
