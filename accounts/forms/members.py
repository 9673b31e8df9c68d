"""Forms of members and invitations: whom to invite, the role, and a new person's account."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.forms.base import StrictForm
from accounts.forms.passwords import NewPasswordField
from accounts.forms.versions import Versioned
from accounts.mail import addresses as emails
from accounts.models import Role

MAX_ADDRESSES = 20
QUOTED_LENGTH = 60  # characters of a bad line that its error repeats


def roles_up_to(role: Role | None) -> list[tuple[str, str]]:
    """List the roles that a person with this role may give, lowest first."""
    reached = [other for other in reversed(Role) if role is not None and role.reaches(other)]
    return [(other.value, str(other.label)) for other in reached]


class InvitationForm(StrictForm):
    """Addresses, as a list of any usual form, and the role that all of them get."""

    addresses = forms.CharField(
        label="E-mail",
        max_length=MAX_ADDRESSES * (emails.MAX_LENGTH + 2),
        widget=forms.Textarea(
            attrs={"rows": 1, "autocomplete": "off", "spellcheck": "false", "inputmode": "email"}
        ),
        help_text="For several people, paste a list: with commas, semicolons or one on each line.",
    )
    role = forms.ChoiceField(initial=Role.VIEWER)

    def __init__(self, *args: Any, role: Role | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = roles_up_to(role)

    def clean_addresses(self) -> list[str]:
        """Read a list of addresses. One that is written twice counts once."""
        found: dict[str, str] = {}
        errors: list[str] = []
        for text in emails.pasted(self.cleaned_data["addresses"]):
            try:
                address = emails.one(text)
            except ValidationError as error:
                errors += [f"{text[:QUOTED_LENGTH]}: {said}" for said in error.messages]
            else:
                found.setdefault(emails.key(address), address)
        if len(found) + len(errors) > MAX_ADDRESSES:
            raise ValidationError(f"Invite at most {MAX_ADDRESSES} people at once.")
        if errors or not found:
            raise ValidationError(errors or "Write at least one address.")
        return list(found.values())


class RoleForm(Versioned, StrictForm):
    """Another role for a member."""

    role = forms.ChoiceField(widget=forms.RadioSelect)

    def __init__(self, *args: Any, role: Role | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = roles_up_to(role)[::-1]


class JoinForm(StrictForm):
    """A new person's username and password. Team, role and address come from the invitation."""

    username = forms.CharField(
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
        help_text="Letters, digits, dots, hyphens and underscores.",
    )
    password = NewPasswordField()
