"""Move the end of a key, or give it one."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.audit import trail
from accounts.forms.base import posted, render_forms
from accounts.permissions import Permission
from accounts.services.versions import Stale
from apikeys import resources
from apikeys.forms.extend import ExtendForm
from apikeys.services import rights
from apikeys.services.life import expiry, policies
from apikeys.views.key_guard import KeyRequest, get_key, key_view

USE_DAYS = 14


@key_view(Permission.APIKEYS_UPDATE, fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def key_extend(request: KeyRequest) -> HttpResponse:
    """Change the end of a key. Its text stays, and works again where the key had expired."""
    key, now = request.key, timezone.now()
    if key.expires_at is not None and key.expires_at <= now:
        rights.check_may_issue(request.principal, key.scopes)
    latest = policies.latest_end(request.team, now, policies.text_made_at(key))
    form = ExtendForm(posted(request), ends_at=key.expires_at, now=now, latest=latest)
    if form.is_valid():
        until = form.cleaned_data["expires_at"]
        try:
            version = form.cleaned_data["version"]
            expiry.set_end(key, until, request.principal.actor, version=version)
        except Stale:
            key = get_key(request, key.id)
            stored = ExtendForm(None, ends_at=key.expires_at, now=now, latest=latest)
            ends = f"{key.expires_at:%-d %B %Y, %H:%M} UTC" if key.expires_at else "no end"
            last = trail.latest_by(request.team.id, "api_key", key.id)
            form.refuse(stored, last, "the end", [("End", ends)])
        except ValidationError as error:
            form.add_error("last_day" if "last_day" in form.changed_data else None, error.messages)
        else:
            said = f"{until.day} {until:%B %Y, %H:%M} UTC"
            messages.success(request, f"{key.name} ends on {said} now. Its text stays as it is.")
            return redirect("key_page", request.team.slug, key.id)
    context = {
        "key": key,
        "form": form,
        "latest": latest,
        "calls_14_days": resources.registry().calls_since(key, USE_DAYS),
    }
    return render_forms(request, "apikeys/extend.html", context)
