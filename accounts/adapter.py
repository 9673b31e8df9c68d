"""django-allauth in this house: sign-up is closed, addresses are read through our proxies."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import addresses
from accounts.models.names import fold

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
        """The client's network, for counting attempts: one person has a whole /64 of IPv6."""
        return addresses.network_of(request.address)  # type: ignore[attr-defined]

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Attempts are counted by account; allauth's own key begins with the Host header."""
        login = str(credentials.get("email") or credentials.get("username") or "")
        return fold(login.strip())

    def is_safe_url(self, url: str) -> bool:
        """Only paths of this site: the other allowed hosts are somebody's own machine."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def add_message(self, *args: object, **kwargs: object) -> None:
        """allauth's own messages say what the page already shows."""
