"""Fresh logins: sensitive pages want the password given in the last ten minutes."""

import time

from allauth.account.authentication import get_authentication_records

# Not public in allauth, which is locked by hash; `test_fresh_logins.py` tells if it moves.
from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session saw a password within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds."""
    oldest = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    records = get_authentication_records(request, request.user)
    return any(record["at"] >= oldest for record in records)


def note_password(request: HttpRequest) -> None:
    """Note that this session's person has just chosen a password (allauth notes its own logins)."""
    record_authentication(request, request.user, method="password")


def ask(request: HttpRequest) -> HttpResponseBase:
    """Send the person to confirm the password, and then back to this page."""
    return redirect_to_login(request.path, login_url="account_reauthenticate")
