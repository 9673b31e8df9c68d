"""The pages of the guides."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.guards import signed_in_view
from config.guides import guides


@signed_in_view()
@require_safe
def guide_list(request: HttpRequest) -> HttpResponse:
    """List the guides, each with its first sentence."""
    return render(request, "guides/list.html", {"guides": guides.every()})


@signed_in_view()
@require_safe
def guide(request: HttpRequest, name: str) -> HttpResponse:
    """Show a guide."""
    if name not in guides.FILES:
        raise Http404
    return render(request, "guides/guide.html", {"guide": guides.read(name)})
