"""allauth's login forms without placeholders: the labels say what goes in."""

from typing import Any

from allauth.account import forms as allauth_forms
from django.core.validators import MaxLengthValidator

MAX_LOGIN_LENGTH = 254  # characters: the longest e-mail, and a username is shorter


class LoginForm(allauth_forms.LoginForm):
    """Username or e-mail, and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        # allauth sets no end: folding and searching a longer name only burns time.
        self.fields["login"].validators.append(MaxLengthValidator(MAX_LOGIN_LENGTH))


class ReauthenticateForm(allauth_forms.ReauthenticateForm):
    """The password once more, before something sensitive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs.pop("placeholder", None)
