"""Addresses: those without their last slash, and the two that browsers and robots ask for."""

from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.shortcuts import redirect
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from accounts.guards import open_view

CACHED = "public, max-age=86400"
ROBOTS = "User-agent: *\nDisallow: /\n"
# Programs ask there, and must name an address exactly. The gate matches its own byte for byte.
EXACT = ("/api/", "/v1/")


class SlashMiddleware(CommonMiddleware):
    """Django's CommonMiddleware, which leads people alone to the address with its last slash."""

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        """Whether a page is asked for whose address is there with a slash only.

        A form is not led on: the redirect would lose what it carries.
        """
        is_persons = not request.path_info.lower().startswith(EXACT)
        is_asked = request.method in ("GET", "HEAD")
        return is_persons and is_asked and super().should_redirect_with_slash(request)


@open_view("every browser asks for it, and it is the same for everyone")
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the icon, for browsers and readers that don't read the page's own link."""
    response = redirect(static("img/favicon.ico"))
    response.headers["Cache-Control"] = CACHED
    return response


@open_view("robots ask for it, and it is the same for everyone")
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Ask robots to stay away: nothing here is for a search engine."""
    headers = {"Cache-Control": CACHED}
    return HttpResponse(ROBOTS, content_type="text/plain; charset=utf-8", headers=headers)
