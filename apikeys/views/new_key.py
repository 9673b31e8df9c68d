"""New API key: the page with its form. The answer shows the text, once."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.forms.base import posted, render_forms
from accounts.guards import TeamRequest, team_view
from accounts.permissions import Permission
from apikeys.forms.new_key import NewKeyForm
from apikeys.services import keys, rights
from apikeys.services.terms import Terms
from apikeys.views.keys import shown_once


@team_view(Permission.APIKEYS_CREATE, fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def key_new(request: TeamRequest) -> HttpResponse:
    """Make a key. The answer shows its text, once."""
    form = NewKeyForm(
        posted(request),
        principal=request.principal,
        address=request.address,
        initial={
            "opens": request.GET.getlist("chatflow"),
            "service_account": request.GET.get("service_account", ""),
            "contact": request.user,
        },
    )
    if form.is_valid():
        rights.check_may_issue(request.principal, form.cleaned_data["scopes"])
        terms: Terms = {**form.terms, "created_by": request.user}
        try:
            key, text = keys.add(
                request.team,
                form.cleaned_data["name"],
                request.principal.actor,
                opens=form.cleaned_data["opens"],
                **terms,
            )
        except ValidationError as error:
            form.note(error)
        else:
            return shown_once(request, key, text)
    return render_forms(request, "apikeys/new.html", {"form": form})
