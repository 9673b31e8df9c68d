"""The audit trail: its rows in plain words, its files, and the check of its chain."""

from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.audit import pages
from accounts.audit import trail as audit_trail
from accounts.forms.audit import AuditFilterForm
from accounts.guards import OperatorRequest, PageRequest, TeamRequest, operator_view, team_view
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission

CURSORS = ("before", "after")
MAX_CURSOR = 2**62


@team_view(Permission.AUDIT_VIEW)
@require_safe
def audit_list(request: TeamRequest) -> HttpResponse:
    """Show the team's trail, newest first."""
    return trail(request, request.team.id, "accounts/audit.html")


@team_view(Permission.AUDIT_VIEW)
@require_safe
def audit_export(request: TeamRequest, form: str) -> HttpResponseBase:
    """Download the filtered rows as a file."""
    back = reverse("audit_list", args=[request.team.slug])
    return trail_file(request, request.team.id, form, f"audit-{request.team.slug}", back)


@team_view(Permission.AUDIT_VIEW)
@posted_from("audit_list")
def audit_verify(request: TeamRequest) -> HttpResponse:
    """Check the whole chain, and show the result."""
    return trail(
        request, request.team.id, "accounts/audit.html", chain=audit.check(request.team.id)
    )


@operator_view()
@require_safe
def operator_audit_list(request: OperatorRequest) -> HttpResponse:
    """Show the installation's trail, newest first."""
    return trail(request, audit.INSTALLATION, "accounts/operator_audit.html")


@operator_view()
@require_safe
def operator_audit_export(request: OperatorRequest, form: str) -> HttpResponseBase:
    """Download the filtered rows as a file."""
    back = reverse("operator_audit_list")
    return trail_file(request, audit.INSTALLATION, form, "audit-installation", back)


@operator_view()
@posted_from("operator_audit_list")
def operator_audit_verify(request: OperatorRequest) -> HttpResponse:
    """Check the whole chain, and show the result."""
    chain = audit.check(audit.INSTALLATION)
    return trail(request, audit.INSTALLATION, "accounts/operator_audit.html", chain=chain)


def trail(
    request: PageRequest, chain_id: UUID, template: str, *, chain: audit.Chain | None = None
) -> HttpResponse:
    """Show the page of one chain, after a check with its result."""
    form = AuditFilterForm(request.GET)
    rows = audit_trail.search(chain_id, form.filters)
    before, after = (_cursor(request.GET, name) for name in CURSORS)
    kept = request.GET.copy()
    for name in CURSORS:
        kept.pop(name, None)
    page = audit_trail.page(rows, before=before, after=after)
    pages.link(chain_id, page.events)
    context = {
        "form": form,
        "page": page,
        "query": kept.urlencode(),
        "is_filtered": form.is_valid() and any(form.cleaned_data.values()),
        "chain": chain,
        "checked_at": timezone.now() if chain else None,
    }
    return render(request, template, context)


def trail_file(
    request: PageRequest, chain_id: UUID, form: str, name: str, back: str
) -> HttpResponseBase:
    """Download one chain's filtered rows. A mistake in the filters redirects to the page."""
    filters = AuditFilterForm(request.GET)
    if not filters.is_valid():
        return redirect(f"{back}?{request.GET.urlencode()}")
    content_type, write = audit_trail.FILES[form]
    return StreamingHttpResponse(
        write(audit_trail.search(chain_id, filters.filters)),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
    )


def _cursor(query: QueryDict, name: str) -> int | None:
    text = query.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    return min(int(text), MAX_CURSOR) if is_number else None
