"""The page of one key: what it is, what it opens, how it is used, what bounds it, what ends it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.guards import shows_secret
from accounts.login import fresh_logins
from accounts.models import AuditEvent, Membership
from accounts.permissions import Permission
from apikeys import charts, found, meters, resources, searches
from apikeys.leaks import reports
from apikeys.models import ApiKey, Kind
from apikeys.resources import Resource
from apikeys.services import browsers
from apikeys.services.life import hand_overs
from apikeys.views.key_guard import KeyRequest, key_view
from apikeys.views.rotation import rotation_context

USE_DAYS = 14
LAST_CALLS = 10
LAST_EVENTS = 10
SHOWN_CHATFLOWS = 50  # of the selected ones, and of the others
NAMED_CLOSING = 3  # chatflows that would be closed, by name


@dataclass(frozen=True, slots=True)
class LastUse:
    """The last call that was let in with the key."""

    at: datetime
    chatflow_name: str
    address: str


@key_view(Permission.APIKEYS_VIEW)
@shows_secret
@require_safe
def key_page(request: KeyRequest) -> HttpResponse:
    """Show the page."""
    find = request.GET.get("find", "").replace("\0", "").strip()
    if not searches.is_kept(find):
        page = reverse("key_page", args=[request.team.slug, request.key.id])
        return redirect(f"{page}{searches.query(request, find, 'find')}#opens")
    return render(request, "apikeys/key.html", key_context(request))


def key_context(request: KeyRequest) -> dict[str, Any]:
    """Return what the page's cards need."""
    key = request.key
    opens = _opens(request)
    return {
        "key": key,
        "found": found.sentence(
            key.scopes,
            resources=opens["choices"].selected_names,
            networks=key.networks,
            expires_at=key.expires_at,
            is_publishable=key.kind == Kind.PUBLISHABLE,
            limits=key.limits,
        ),
        "meters": meters.meters(key.limits, resources.registry().taken(key)),
        "is_limited": any(limit is not None for limit in key.limits),
        "is_contact_member": _is_contact_member(key),
        "events": _events(request),
        "publishable": browsers.card(key),
        "in_browsers": browsers.in_browsers([key]).get(key.id, ()),
        "hand_over": hand_overs.latest_of(key),
        "leak": reports.open_report(key),
        **_use(key),
        **opens,
        **_stop(key),
        **rotation_context(key),
    }


def _use(key: ApiKey) -> dict[str, Any]:
    days = resources.registry().days([key], USE_DAYS).get(key.id, ())
    let_in, refused = (sum(getattr(day, name) for day in days) for name in ("let_in", "refused"))
    calls = resources.registry().last_calls(key, LAST_CALLS)
    return {
        "calls_14_days": let_in + refused,
        "chart": charts.chart(days),
        "calls": calls,
        "last_use": _last_use(key, calls),
        "secret": key.secret,
        "today": days[-1] if days else None,
    }


def _last_use(key: ApiKey, calls: Any) -> LastUse | None:
    let_in = next((call for call in calls if call.allowed), None)
    if let_in is not None:
        return LastUse(let_in.at, let_in.chatflow_name, let_in.client_address)
    return LastUse(key.last_used_at, "", "") if key.last_used_at else None


def _opens(request: KeyRequest) -> dict[str, Any]:
    find = searches.searchable(request.GET.get("find", "")) or ""
    may_choose = all(
        request.principal.may_do(needed)
        for needed in (Permission.APIKEYS_UPDATE, Permission.CHATFLOWS_UPDATE)
    )
    return {
        "choices": resources.registry().choices(request.key, find, SHOWN_CHATFLOWS),
        "find": find,
        "only": request.GET.get("only") == "selected",
        "may_choose": may_choose and not request.key.pinned_to,
        "is_fresh": may_choose and fresh_logins.is_fresh(request),
    }


def _stop(key: ApiKey) -> dict[str, Any]:
    closing: list[Resource] = resources.registry().closed_without([key])
    return {
        "closing": closing[:NAMED_CLOSING],
        "closing_more": max(0, len(closing) - NAMED_CLOSING),
    }


def _events(request: KeyRequest) -> list[AuditEvent]:
    if not request.principal.may_do(Permission.AUDIT_VIEW):
        return []
    about = AuditEvent.objects.filter(team_id=request.team.id, target_id=str(request.key.id))
    return list(about.order_by("-sequence")[:LAST_EVENTS])


def _is_contact_member(key: ApiKey) -> bool:
    if key.contact is None:
        return False
    return Membership.objects.filter(team=key.team, user=key.contact).exists()
