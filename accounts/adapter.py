"""django-allauth in this house: sign-up is closed, addresses are read through our proxies."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.http import HttpRequest

WRONG_LOGIN = "No account has this name and password. Check both, or ask an admin of your team."


class ActivePeopleBackend(AuthenticationBackend):
    """A person who is not active is told what a stranger is told, after the same work."""

    @classmethod
    def _stash_user(cls, user: object) -> None:
        """allauth would stash them here, to tell them apart on a page of its own."""


class AccountAdapter(DefaultAccountAdapter):
    """People come by the set-up link or an invitation, never by signing up."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": WRONG_LOGIN,
        "email_password_mismatch": WRONG_LOGIN,
        "incorrect_password": "This is not your password. Type it again.",
        "account_inactive": WRONG_LOGIN,
        "too_many_login_attempts": "Too many attempts. Wait a few minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return str(request.address)  # type: ignore[attr-defined]

    def add_message(self, *args: object, **kwargs: object) -> None:
        """allauth's own messages say what the page already shows."""
