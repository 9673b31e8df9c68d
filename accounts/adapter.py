"""Our rules for django-allauth: sign-up is closed, and a lock-out guards each password check."""

from contextlib import suppress
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.limits import lock_outs
from accounts.limits.lock_outs import Attempt, Kind
from accounts.limits.too_many import TooMany
from accounts.login import known_devices
from accounts.models import User
from accounts.outages import OUTAGES
from accounts.services import refused_changes, users

WRONG_LOGIN = "No account has this name and password. Check both, or ask an admin of your team."


class ActivePeopleBackend(AuthenticationBackend):
    """Tell a person who is not active what a stranger is told, after the same work."""

    def _authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        """Check a password by one statement and one hash. allauth takes two for a known e-mail."""
        login = credentials.get("email") or credentials.get("username") or ""
        found: User | None = self._check_password(users.find(login), credentials["password"])
        return found

    @classmethod
    def _stash_user(cls, user: object) -> None:
        """Do nothing. allauth would stash such people here, to show them a page of its own."""


class AccountAdapter(DefaultAccountAdapter):
    """People come by the set-up link or an invitation, never by signing up."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": WRONG_LOGIN,
        "email_password_mismatch": WRONG_LOGIN,
        "incorrect_password": "This is not your password. Type it again.",
        "account_inactive": WRONG_LOGIN,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Return the person, or None for a wrong password. While locked out no hash is made."""
        attempt = _attempt(request, credentials)
        try:
            lock_outs.begin(attempt)
        except TooMany as error:
            _note_refused(request, 429)
            raise self.locked_out(request, error) from None
        try:
            user: User | None = super().authenticate(request, **credentials)
        except TimeoutError:
            lock_outs.uncount(attempt)
            raise
        if user is not None:
            lock_outs.note_success(attempt)
        else:
            _note_refused(request, 422)
        return user

    def locked_out(self, request: HttpRequest, error: TooMany) -> ValidationError:
        """Tell a person how long to wait. The page takes its status from the request."""
        request.too_many = error  # type: ignore[attr-defined]
        return ValidationError(
            "Too many wrong passwords. Wait %(wait)s, then try again.",
            params={"wait": lock_outs.in_words(error.wait)},
        )

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Do nothing. allauth would count attempts in its cache here."""

    def is_safe_url(self, url: str) -> bool:
        """Accept only paths of this site: the other allowed hosts are somebody's own machine."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def add_message(self, *args: object, **kwargs: object) -> None:
        """Do nothing. allauth's own messages say what the page already shows."""


def _note_refused(request: HttpRequest, status: int) -> None:
    """Note a wrong password of somebody who is logged in: it may be a stolen session."""
    user, match = request.user, request.resolver_match
    if not user.is_authenticated or match is None:
        return
    by = users.actor(user, request.address)  # type: ignore[attr-defined]
    with suppress(*OUTAGES):  # it is refused all the same
        for chain_id in users.chains(user):
            refused_changes.note(chain_id, by, match.url_name or "", status)


def _attempt(request: HttpRequest, credentials: dict[str, Any]) -> Attempt:
    login = str(credentials.get("email") or credentials.get("username") or "")
    device = known_devices.device_of(request, login)
    address: str = request.address  # type: ignore[attr-defined]
    if request.user.is_authenticated:
        return Attempt(Kind.FRESH_LOGIN, str(request.user.pk), address, device)
    return Attempt(Kind.LOGIN, login, address, device)
