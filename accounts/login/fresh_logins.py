"""Fresh logins: sensitive pages require a password given in the last ten minutes."""

import time

from allauth.account.authentication import get_authentication_records

# Not public in allauth, which is locked by hash; `test_fresh_logins.py` tells if it moves.
from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase

from accounts.login.ways_back import after_password

AHEAD = 60.0  # seconds that another machine's clock may be ahead; beyond it, ours ran back


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session saw a password within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds."""
    age = time.time() - latest(request)
    return -AHEAD <= age <= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def latest(request: HttpRequest) -> float:
    """Return when this session last saw its person's password (seconds since 1970), or 0."""
    # The last one, and not the highest: that would stand for long after a clock that ran back.
    records = get_authentication_records(request, request.user)
    return float(records[-1]["at"]) if records else 0.0


def note_password(request: HttpRequest) -> None:
    """Note that this session's person has just chosen a password. allauth notes its own logins."""
    record_authentication(request, request.user, method="password")


def ask(request: HttpRequest) -> HttpResponseBase:
    """Send the person to confirm the password, and then back to this page."""
    if request.method == "POST":
        messages.warning(request, "The password was asked for again, so nothing is done yet.")
    return redirect_to_login(after_password(request), login_url="account_reauthenticate")
