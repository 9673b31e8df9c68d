"""Visits: log in to the flow app, see the list of chats, log out."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import posted, render_forms
from accounts.guards import PageRequest, open_view
from accounts.limits.too_many import TooMany
from accounts.login.ways_back import posted_from
from chatflows.flow_app import visits
from chatflows.forms.chatflows import FlowLoginForm
from chatflows.models import HostedChat
from chatflows.views.flow_guard import REASON, entered, forget, remember

WRONG = "Wrong username or password."


@open_view(REASON)
@require_http_methods(["GET", "HEAD", "POST"])
def flow_login(request: PageRequest, slug: str) -> HttpResponse:
    """Log a visitor in."""
    if entered(request, slug) is not None:
        return redirect("flow_home", slug)
    form = FlowLoginForm(posted(request))
    if form.is_valid():
        try:
            cookie = visits.log_in(slug, **form.cleaned_data, address=request.address)
        except visits.Closed:
            raise Http404 from None
        except visits.WrongLogin:
            form.add_error(None, WRONG)
        except TooMany as error:
            form.add_error(None, str(error))
            return error.mark(_login_page(request, slug, form, 429))
        else:
            visits.end(request.COOKIES.get(settings.FLOW_COOKIE_NAME, ""))
            response = redirect("flow_home", slug)
            remember(response, cookie)
            return response
    return _login_page(request, slug, form)


@open_view(REASON)
@require_safe
def flow_home(request: PageRequest, slug: str) -> HttpResponse:
    """List the chats that the team publishes, or show the login page."""
    visit = entered(request, slug)
    if visit is None:
        return _login_page(request, slug, FlowLoginForm())
    chats = HostedChat.objects.shown_by(visit.team).order_by("title")
    return render(request, "chatflows/flow_home.html", {"visit": visit, "chats": chats})


@open_view(REASON)
@posted_from("flow_home")
def flow_logout(request: HttpRequest, slug: str) -> HttpResponse:
    """End the visit. Without one it does nothing."""
    entered(request, slug)  # where the flow app is off there is no address
    visits.end(request.COOKIES.get(settings.FLOW_COOKIE_NAME, ""))
    response = redirect("flow_home", slug)
    forget(response)
    return response


def _login_page(
    request: PageRequest, slug: str, form: FlowLoginForm, status: int | None = None
) -> HttpResponse:
    context = {"form": form, "slug": slug}
    return render_forms(request, "chatflows/flow_login.html", context, status)
