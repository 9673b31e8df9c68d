"""Forms of service accounts."""

from typing import Any

from django import forms

from accounts.forms.picking import PersonField, people_of
from accounts.forms.versions import Versioned
from accounts.models import Environment, ServiceAccount, Team
from accounts.services.service_accounts import About


class ServiceAccountForm(forms.Form):
    """The description of a service account."""

    name = forms.CharField(
        max_length=64,
        help_text=(
            "Say what it is and where it runs, such as production-crm-sync. Names like api or test "
            "fit everything, so nobody dares to disable them."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    environment = forms.ChoiceField(choices=Environment.choices, initial=Environment.PRODUCTION)
    description = forms.CharField(
        max_length=300,
        required=False,
        help_text="What it does, and where its keys lie.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    owner = PersonField(
        label="Contact person",
        help_text="A member who knows what breaks when it is disabled.",
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner = self.fields["owner"]
        assert isinstance(owner, PersonField)
        owner.offer(team, people_of(team))

    @property
    def about(self) -> About:
        """The description that a valid form holds."""
        return About(**{name: self.cleaned_data[name] for name in ServiceAccountForm.base_fields})


class ServiceAccountChangeForm(Versioned, ServiceAccountForm):
    """Another description of a service account."""


class DeleteServiceAccountForm(forms.Form):
    """Confirm a deletion, which can't be undone, by typing the name."""

    confirm_name = forms.CharField(
        label="Type the name of the service account",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, account: ServiceAccount, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = account.name

    def clean_confirm_name(self) -> str:
        """Refuse anything but the exact name."""
        typed: str = self.cleaned_data["confirm_name"]
        if typed != self._name:
            raise forms.ValidationError(f"Type {self._name} to delete it.")
        return typed
