"""The page where anyone reports a key that they found."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.guards import PageRequest, open_view
from apikeys.leaks import reports
from apikeys.leaks.candidates import MAX_TEXT, Found

REASON = "whoever found a key reports it here; every report gets the same answer"


@open_view(REASON)
@sensitive_post_parameters("text")
@require_http_methods(["GET", "HEAD", "POST"])
def leaked_key(request: PageRequest) -> HttpResponse:
    """Take a report. The text is kept nowhere, and the answer never tells what it was."""
    is_sent = request.method == "POST"
    text, source = request.POST.get("text", ""), request.POST.get("source", "")
    if len(text) > MAX_TEXT:  # a key beyond it would be thanked for and work on
        return render(request, "apikeys/leaks/report.html", {"is_too_long": True}, status=422)
    response = render(request, "apikeys/leaks/report.html", {"is_sent": is_sent})
    if is_sent:
        reports.receive([Found(text, source)], request.address, response)
    return response
