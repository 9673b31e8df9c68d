"""Rotation on pages: rotate a key, end its old secret, let that work longer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.timesince import timesince
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.forms.base import note, posted, render_forms
from accounts.guards import shows_secret
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from apikeys import charts, resources
from apikeys.forms.hand_overs import link_of
from apikeys.forms.rotation import RotateForm, overlaps
from apikeys.models import ApiKey, KeySecret
from apikeys.resources import SecretUse
from apikeys.services import rights
from apikeys.services.life import expiry, hand_overs, policies, rotation
from apikeys.views.key_guard import KeyRequest, get_key, key_view
from apikeys.views.keys import link_shown, shown_once

USE_DAYS = 7
HOURS = 24  # in the charts of two secrets side by side
NOT_USED = SecretUse(let_in=0, refused=0, last_at=None)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two secrets, as the card of a rotation shows it."""

    tail: str  # of its public id
    let_in: int
    bars: str
    nothing: str
    width: int
    use: SecretUse


@dataclass(frozen=True, slots=True)
class Rotating:
    """A rotation that is on: both secrets with their use, and what ends the old one."""

    old: Side
    new: Side
    ends_at: datetime
    ends_when_silent: bool
    silence: str  # since the last call or, if none came since, since the rotation
    is_silent: bool  # for so long that the old secret is safe to retire
    was_used: bool  # since the rotation
    may_extend: bool


@key_view(Permission.APIKEYS_UPDATE, fresh_login=True)
@shows_secret
@sensitive_post_parameters("passphrase")
@require_http_methods(["GET", "HEAD", "POST"])
def key_rotate(request: KeyRequest) -> HttpResponse:
    """Make a new secret beside the old one, now or when its holder opens a link."""
    key, now = request.key, timezone.now()
    rights.check_may_issue(request.principal, key.scopes)
    if key.secret is None:
        messages.info(request, f"{key.name} has no secret yet. Create its secret first.")
        return redirect("key_page", request.team.slug, key.id)
    new_end = expiry.new_end(key, now)
    choices = overlaps(policies.longest_overlap(request.team), now)
    form = RotateForm(posted(request), choices=choices, way=request.GET.get("way", ""))
    if form.is_valid():
        try:
            return (_by_link if form.is_by_link else _now)(request, form, new_end)
        except rotation.TwoSecrets:
            form.add_error(None, "Two secrets work already. End the old one before the next.")
        except ValidationError as error:
            note(form, error)
    opened = resources.registry().of_keys([key]).get(key.id, [])
    context = {
        "key": key,
        "form": form,
        "choices": choices,
        "new_end": new_end,
        "opens": len(opened),
        "old": _side(key.secret, key, USE_DAYS * 24, 4),
    }
    return render_forms(request, "apikeys/rotate.html", context)


def _now(request: KeyRequest, form: RotateForm, new_end: datetime | None) -> HttpResponse:
    text = rotation.rotate(
        request.key,
        request.principal.actor,
        overlap=form.cleaned_data["overlap"],
        when_silent=form.cleaned_data["ends"] == "silent",
        expires_at=new_end if form.cleaned_data["moves_end"] else None,
        shown_to=request.user,
    )
    return shown_once(request, get_key(request, request.key.id), text)


@sensitive_variables("token")
def _by_link(request: KeyRequest, form: RotateForm, new_end: datetime | None) -> HttpResponse:
    made, token = hand_overs.make(
        request.key,
        request.principal.actor,
        overlap=form.cleaned_data["overlap"],
        when_silent=form.cleaned_data["ends"] == "silent",
        moves_end=new_end is not None and form.cleaned_data["moves_end"],
        **link_of(form.cleaned_data),
    )
    return link_shown(request, made, token)


@key_view(Permission.APIKEYS_UPDATE)
@posted_from("key_page")
def key_retire(request: KeyRequest) -> HttpResponse:
    """End the old secret of a rotation now."""
    try:
        meant = request.POST.get("secret")
        rotation.retire(request.key, request.principal.actor, public_id=meant)
    except rotation.NotRotating:
        messages.info(request, "The old secret had ended already.")
    else:
        messages.success(request, f"The old secret of {request.key.name} ended. The new one works.")
    return redirect("key_page", request.team.slug, request.key.id)


@key_view(Permission.APIKEYS_UPDATE)
@posted_from("key_page")
def key_overlap(request: KeyRequest) -> HttpResponse:
    """Let the old secret of a rotation work for 24 hours more."""
    try:
        until = rotation.extend_overlap(request.key, request.principal.actor)
    except rotation.NotRotating:
        messages.warning(request, "The old secret has ended. Nothing was extended.")
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    else:
        said = f"{until.day} {until:%B %Y, %H:%M} UTC"
        messages.success(request, f"The old secret of {request.key.name} works until {said}.")
    return redirect("key_page", request.team.slug, request.key.id)


def rotation_context(key: ApiKey) -> dict[str, Any]:
    """Return what the card of a rotation needs; `rotating` is None without one."""
    old = key.old_secret
    rotating = _rotating(key, old) if old else None
    ending = None if old else key.secret and key.secret.ends_at
    return {"rotating": rotating, "ending": ending, "now": timezone.now()}


def _rotating(key: ApiKey, old: KeySecret) -> Rotating:
    now, new = timezone.now(), key.secret
    assert new is not None
    assert old.ends_at is not None
    hours = resources.registry().hours_of_secrets(key, HOURS)
    uses = resources.registry().uses_of_secrets(key, USE_DAYS)
    rotated_at = old.ending_since or new.created_at
    last_at = uses.get(old.public_id, NOT_USED).last_at
    since = max(rotated_at, last_at) if last_at else rotated_at
    return Rotating(
        old=_drawn(old, hours, uses, HOURS, 1),
        new=_drawn(new, hours, uses, HOURS, 1),
        ends_at=old.ends_at,
        ends_when_silent=old.ends_when_silent,
        silence=timesince(since, now, depth=1),
        is_silent=now - since >= rotation.SILENT_FOR,
        was_used=last_at is not None and last_at >= rotated_at,
        may_extend=old.ends_at < rotated_at + policies.longest_overlap(key.team),
    )


def _side(secret: KeySecret, key: ApiKey, hours: int, together: int) -> Side:
    by_hour = resources.registry().hours_of_secrets(key, hours)
    uses = resources.registry().uses_of_secrets(key, USE_DAYS)
    return _drawn(secret, by_hour, uses, hours, together)


def _drawn(
    secret: KeySecret,
    by_hour: Mapping[str, Sequence[int]],
    uses: Mapping[str, SecretUse],
    hours: int,
    together: int,
) -> Side:
    """Draw the use of a secret, with so many hours together in one bar."""
    counts = by_hour.get(secret.public_id, [0] * hours)
    bars = [sum(counts[place : place + together]) for place in range(0, hours, together)]
    drawn, nothing = charts.spark(bars)
    return Side(
        tail=secret.public_id[-4:],
        let_in=sum(counts),
        bars=drawn,
        nothing=nothing,
        width=len(bars),
        use=uses.get(secret.public_id, NOT_USED),
    )
