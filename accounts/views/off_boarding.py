"""Off-boarding: remove a member, leave, and see the keys that a member created or knows."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from accounts.forms.base import posted, render_forms
from accounts.forms.off_boarding import OffBoardingForm
from accounts.guards import TeamRequest, team_view
from accounts.held_keys import Named, Outcome, UnknownChoice
from accounts.login import fresh_logins
from accounts.models import Invitation, Membership, Role
from accounts.permissions import Permission
from accounts.services import members, off_boarding
from accounts.views.members import LAST_OWNER, done, get_member, must_reach

Done = TypeVar("Done")
LISTED = 5  # keys that a message names
TAMPERED = "Something was added to this form, so nothing was done."


@team_view(Permission.MEMBERS_DELETE)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: TeamRequest, member_id: int) -> HttpResponseBase:
    """Show what ends and what stays when a member is removed, and remove them.

    Oneself one removes by leaving.
    """
    member = get_member(request, member_id)
    must_reach(request, member)
    if member.user == request.user:
        return redirect("member_leave", request.team.slug)
    if member.role == Role.OWNER and not fresh_logins.is_fresh(request):
        return fresh_logins.ask(request)
    context = _sheet(request, member, is_leaving=True)
    form: OffBoardingForm = context["form"]
    if form.is_valid():
        outcome = _tried(
            form, lambda: off_boarding.remove(member, form.choices, request.principal.actor)
        )
        if outcome is not None:
            response = done(request, f"{member.user.username} is no longer in the team.")
            _tell(request, member, outcome)
            return response
    return render_forms(request, "accounts/member_remove.html", context)


@team_view(Permission.MEMBERS_VIEW)
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: TeamRequest) -> HttpResponse:
    """Leave the team. Everyone may, except its last owner."""
    member = get_object_or_404(
        Membership.objects.select_related("user", "team"), team=request.team, user=request.user
    )
    context = _sheet(request, member, is_leaving=True)
    form: OffBoardingForm = context["form"]
    if form.is_valid():
        try:
            left = _tried(
                form, lambda: off_boarding.leave(member, form.choices, request.principal.actor)
            )
        except members.LastOwner:
            form.add_error(None, LAST_OWNER)
            left = None
        if left is not None:
            outcome, has_others = left
            if not has_others:  # the session has ended with the membership
                logout(request)
            messages.success(request, f"You left {request.team.name}.")
            _tell(request, member, outcome)
            return redirect("home")
    return render_forms(request, "accounts/member_leave.html", context)


@team_view(Permission.MEMBERS_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: TeamRequest, member_id: int) -> HttpResponse:
    """Show the sheet of a member who stays, such as after a laptop was lost, and carry it out."""
    member = get_member(request, member_id)
    context = _sheet(request, member, is_leaving=False)
    form: OffBoardingForm = context["form"]
    if form.is_valid():
        outcome = _tried(
            form, lambda: off_boarding.carry_out(member, form.choices, request.principal.actor)
        )
        if outcome is not None:
            count = len(outcome.rotated) + len(outcome.revoked) + len(outcome.given)
            what = f"{count} key{'' if count == 1 else 's'} changed" if count else "No key changed"
            messages.success(request, f"{what}. It stands in the audit trail.")
            _tell(request, member, outcome)
            return redirect("member_keys", request.team.slug, member_id)
    return render_forms(request, "accounts/member_keys.html", context)


def _sheet(request: TeamRequest, member: Membership, *, is_leaving: bool) -> dict[str, Any]:
    """Return the context of a page with the sheet."""
    whole = off_boarding.sheet(request.team, member.user)
    # What was chosen earlier may be gone by now, and is read all the same.
    has_choices = request.method == "POST" or not whole.is_empty
    heirs = off_boarding.heirs(request.team, member.user)
    if not has_choices:
        heirs = heirs.none()
    form = OffBoardingForm(
        posted(request),
        team=request.team,
        whole=whole,
        heirs=heirs,
        heir=request.user if member.user != request.user else heirs.first(),
        is_leaving=is_leaving,
    )
    return {
        "member": member,
        "is_self": member.user == request.user,
        "is_leaving": is_leaving,
        "whole": whole,
        "form": form,
        "may_choose": request.principal.may_do(Permission.APIKEYS_UPDATE),
        "waiting": _waiting_of(request, member) if is_leaving else 0,
    }


def _waiting_of(request: TeamRequest, member: Membership) -> int:
    return Invitation.objects.of(request.team).open().filter(invited_by=member.user_id).count()


def _tried(form: OffBoardingForm, change: Callable[[], Done]) -> Done | None:
    """Return what a change returned. None: nothing was done, and the form says why."""
    try:
        return change()
    except off_boarding.Gone:
        raise Http404 from None
    except UnknownChoice:
        form.add_error(None, TAMPERED)
        return None


def _tell(request: TeamRequest, member: Membership, outcome: Outcome) -> None:
    """Name the keys that somebody still has to do something about."""
    is_self = member.user == request.user
    name = "You" if is_self else member.user.username
    said = []
    if outcome.rotated and outcome.ends_at:
        until = f"{outcome.ends_at.day} {outcome.ends_at:%B, %H:%M} UTC"
        is_over = outcome.ends_at <= timezone.now()
        words = "Refused{} until a new text is created on the page of each:"
        if not is_over:
            words = "Old texts end on {}. Create the new one on the page of each:"
        said.append((words, "" if is_over else until, outcome.rotated))
    if outcome.came_later:
        words = "Newer than the sheet, so kept as it is, and {} may know the text:"
        said.append((words, name if name != "You" else "you", outcome.came_later))
    if outcome.kept_known:
        said.append(("{} can go on calling with what was kept:", name, outcome.kept_known))
    for words, word, keys_named in said:
        messages.warning(request, _listing(words, word, keys_named, is_linked=not is_self))


def _listing(said: str, word: str, named: list[Named], *, is_linked: bool) -> SafeString:
    """Return a sentence and the first keys, with links for who can open their pages."""
    form = '<a href="{}">{}</a>' if is_linked else "{1}"
    links = format_html_join(", ", form, [(key.url, key.name) for key in named[:LISTED]])
    more = f" and {len(named) - LISTED:,} more" if len(named) > LISTED else ""
    return format_html(f"{said} {{}}{{}}.", word, links, more)
