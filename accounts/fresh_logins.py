"""Fresh logins: sensitive pages want the password given in the last ten minutes."""

import time

from allauth.account.authentication import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
)
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session saw a password within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds."""
    oldest = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    return any(record["at"] >= oldest for record in get_authentication_records(request))


def note_password(request: HttpRequest) -> None:
    """Note that this session's person has just chosen a password (allauth notes its own logins)."""
    record = {"method": "password", "at": time.time()}
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [record]


def ask(request: HttpRequest) -> HttpResponseBase:
    """Send the person to confirm the password, and then back to this page."""
    return redirect_to_login(request.path, login_url="account_reauthenticate")
