"""Known devices: a signed cookie that says who logged in on this browser before.

The cookie gives no access. Wrong passwords from its device are counted apart, so that strangers
can't use up the owner's attempts.
"""

import hmac
import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from accounts.models import User
from accounts.models.names import fold

LIFETIME = 365 * 24 * 3600  # seconds
# Cookies of a year ago are signed with it: it stays as it is, wherever this module lies.
SALT = "accounts.known_devices"
STAMP = 16  # characters of the hash that changes with the password


def device_of(request: HttpRequest, login: str) -> str:
    """Return this device's id if the person of this username or e-mail logged in on it, or ''."""
    try:
        cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
        pk, device, stamp = signing.loads(cookie, salt=SALT, max_age=LIFETIME)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    user = User.objects.filter(pk=pk).first()
    is_theirs = user and fold(login) in (fold(user.username), fold(user.email))
    if not user or not is_theirs or not _is_stamp(user, stamp):
        return ""
    return f"{pk}:{device}"


def remember(response: HttpResponseBase, user: User) -> None:
    """Make this a known device of `user`. A new password makes all other devices unknown again."""
    stamp = user.get_session_auth_hash()[:STAMP]
    value = signing.dumps([user.pk, secrets.token_urlsafe(12), stamp], salt=SALT)
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        value,
        max_age=LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _is_stamp(user: User, stamp: str) -> bool:
    # It may have been made under a signing key that is no longer in use.
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(hmac.compare_digest(stamp, each[:STAMP]) for each in hashes)
