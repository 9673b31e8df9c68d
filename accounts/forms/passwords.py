"""The field for a new password and the forms that use it.

Show the field with `{% include "accounts/new_password.html" with field=form.password %}`.
"""

from typing import Any

from django import forms

from accounts.login import password_rules
from accounts.login.password_rules import MAX_PASSWORD_BYTES
from accounts.models import User


class NewPasswordField(forms.CharField):
    """One field with a button that shows the password, instead of two to type blind."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            strip=False,
            max_length=MAX_PASSWORD_BYTES,
            help_text="At least 12 characters. Several words are easy to keep in mind.",
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            **kwargs,
        )


class ForgottenPasswordForm(forms.Form):
    """The username or e-mail of the person who forgot the password."""

    login = forms.CharField(
        max_length=254,
        label="Username or e-mail",
        widget=forms.TextInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
    )


class NewPasswordForm(forms.Form):
    """A new password for `user`, checked against all rules. `user` need not be saved yet."""

    password = NewPasswordField(label="New password")

    def __init__(self, *args: Any, user: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        password_rules.check(password, self.user)
        return password


class ChangePasswordForm(NewPasswordForm):
    """A new password, and the current one, which the view checks under the lock-out."""

    current = forms.CharField(
        label="Current password",
        strip=False,
        max_length=MAX_PASSWORD_BYTES,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ("current", "password")
