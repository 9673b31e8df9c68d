"""What an opened link leaves in the session: whoever opened it presses the button on its page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


def enter(request: HttpRequest, name: str, kept: object, page: str) -> HttpResponse:
    """Keep under `name` what a link opened, and lead to its page, whose address has no token.

    `kept` holds the token's digest and never the token: what lies in a session can't be sent as a
    link. The session gets a new id, so that whoever planted the old one in this browser is not in.
    """
    request.session.cycle_key()
    request.session[name] = kept
    return redirect(page)
