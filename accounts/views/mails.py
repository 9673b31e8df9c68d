"""Mail: what was sent and what was not, for admins and operators, and samples for developers."""

from collections.abc import Callable
from uuid import UUID

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_replace
from django.contrib import messages
from django.db import transaction
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.guards import (
    OperatorRequest,
    PageRequest,
    TeamRequest,
    open_view,
    operator_view,
    team_view,
)
from accounts.lists import listing
from accounts.login.ways_back import posted_from, to_list
from accounts.mail import outbox
from accounts.models import Mail
from accounts.models.mail_kinds import KINDS
from accounts.models.mails import MailQuerySet
from accounts.permissions import Actor, Permission

COLUMNS = [
    listing.Column("To", "to", Lower("recipient")),
    listing.Column("Status"),
    listing.Column("Reason"),
    listing.Column("Written", "written", "created_at", falls=True),
    listing.Column("Attempts", "attempts", "attempts", falls=True, css="num"),
    listing.ACTIONS,
]
STATUSES = listing.Filter(
    "show",
    "Status",
    [("", "Any status"), ("trouble", "Not sent"), ("waiting", "Waiting"), ("sent", "Sent")],
)
SHOWN: dict[str, Callable[[MailQuerySet], MailQuerySet]] = {
    "": lambda mails: mails,
    "trouble": lambda mails: mails.in_trouble(),
    "waiting": lambda mails: mails.filter(next_try_at__isnull=False),
    "sent": lambda mails: mails.filter(sent_at__isnull=False),
}
# A mail's styles are inline, for mail programs read no stylesheet. The rest is as everywhere.
SAMPLE_POLICY = {"style-src": [UNSAFE_INLINE]}
NOTHING_TO_SEND = "This mail is not waiting any more. The list says what became of it."


@team_view(Permission.MAILS_VIEW)
@require_safe
def mail_list(request: TeamRequest) -> HttpResponse:
    """Show the team's mails, newest first."""
    return _list(request, Mail.objects.of(request.team), "accounts/mails.html")


@team_view(Permission.MAILS_UPDATE)
@posted_from("mail_list")
def mail_retry(request: TeamRequest, mail_id: UUID) -> HttpResponseBase:
    """Send a mail now that is waiting after a failed attempt."""
    mail = get_object_or_404(Mail.objects.of(request.team), pk=mail_id)
    _retry(request, mail, request.principal.actor)
    return to_list(request, reverse("mail_list", args=[request.team.slug]))


@operator_view()
@require_safe
def operator_mail_list(request: OperatorRequest) -> HttpResponse:
    """Show the mails that belong to no team, such as password resets."""
    return _list(request, Mail.objects.without_team(), "accounts/operator_mails.html")


@operator_view()
@posted_from("operator_mail_list")
def operator_mail_retry(request: OperatorRequest, mail_id: UUID) -> HttpResponseBase:
    """Send a mail now that is waiting after a failed attempt."""
    mail = get_object_or_404(Mail.objects.without_team(), pk=mail_id)
    _retry(request, mail, request.actor)
    return to_list(request, reverse("operator_mail_list"))


@operator_view()
@posted_from("operator_mail_list")
def operator_mail_test(request: OperatorRequest) -> HttpResponse:
    """Queue a test mail to the operator."""
    with transaction.atomic():
        mail = outbox.queue("test", request.user.email, {"username": request.user.username})
    if mail is None:
        messages.warning(request, "No mail server is set, so no mail was sent.")
    else:
        messages.success(request, f"A test mail to {mail.recipient} waits. It leaves in seconds.")
    return redirect("operator_mail_list")


@open_view("with DEBUG alone: sample values")
@require_safe
def mail_samples(request: HttpRequest) -> HttpResponse:
    """List every kind of mail."""
    kinds = [(kind, outbox.render(kind, KINDS[kind].sample)[0]) for kind in KINDS]
    return render(request, "accounts/mail_samples.html", {"kinds": kinds})


@open_view("with DEBUG alone: sample values")
@csp_replace(SAMPLE_POLICY)  # type: ignore[arg-type]
@require_safe
def mail_sample(request: HttpRequest, kind: str, part: str) -> HttpResponse:
    """Show one kind of mail, as text or HTML."""
    if kind not in KINDS or part not in ("txt", "html"):
        raise Http404
    _, text, html = outbox.render(kind, KINDS[kind].sample)
    if part == "txt":
        return HttpResponse(text, content_type="text/plain; charset=utf-8")
    return HttpResponse(html)


def _list(request: PageRequest, all_mails: MailQuerySet, template: str) -> HttpResponse:
    asked = listing.Asked(request, COLUMNS, [STATUSES], usual="written")
    rows = SHOWN[asked.value("show")](all_mails)
    if asked.q:
        rows = rows.filter(recipient__icontains=asked.q)
    page = asked.page(rows, "mail")
    context = {"list": page, "is_configured": outbox.is_configured()}
    if not page.is_part:
        context["trouble"] = all_mails.in_trouble().count()
    return listing.draw(request, template, "accounts/mail_rows.html", context)


def _retry(request: PageRequest, mail: Mail, by: Actor) -> None:
    if outbox.try_again(mail, by):
        messages.success(request, f"The mail to {mail.recipient} is tried again in seconds.")
    else:
        messages.warning(request, NOTHING_TO_SEND)
