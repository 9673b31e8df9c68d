"""The key policy of a team: its settings, what they would change, and the saving of them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import render_forms
from accounts.guards import TeamRequest, team_view
from accounts.permissions import Permission
from accounts.services.versions import Stale
from apikeys import resources
from apikeys.forms.policies import PolicyForm
from apikeys.models import ApiKey
from apikeys.services.life import policies, policy_changes, rotation
from apikeys.services.life.policy_changes import Effects, Rules

SHOWN = 10  # keys of one effect, by name
MAX_DIGITS = 10
SENT = "longest_life"  # a field that every form sends, chosen or not


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that happens to keys, and those of them that were used last."""

    kind: str
    count: int
    keys: list[ApiKey]

    @property
    def more(self) -> int:
        """How many keys are not shown."""
        return self.count - len(self.keys)


@team_view(Permission.KEY_POLICY_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def key_policy(request: TeamRequest) -> HttpResponse:
    """Show the settings, and save what was looked at on the page between."""
    stored = policy_changes.rules_of(policies.of(request.team))
    if request.method != "POST":
        data = request.GET if SENT in request.GET else None  # back from the page between
        return _settings(request, PolicyForm(data, rules=stored), 200)
    form = PolicyForm(request.POST, rules=stored)
    version, seen = (_number(request.POST, name) for name in ("version", "seen"))
    if version is None or seen is None:
        form.add_error(None, "Look at what this changes before you save it.")
    if version is None or seen is None or not form.is_valid():
        return _settings(request, form, 422)
    try:
        changed = policy_changes.save(
            request.team,
            form.rules,
            request.principal.actor,
            version=version,
            seen=seen,
        )
    except Stale:
        return _preview(request, form.rules, is_stale=True)
    except ValidationError as error:
        form.add_error(None, error.messages)
        return _settings(request, form, 422)
    messages.success(request, _said(changed))
    return redirect("key_policy", request.team.slug)


@team_view(Permission.KEY_POLICY_UPDATE)
@require_safe
def key_policy_preview(request: TeamRequest) -> HttpResponse:
    """Show what settings would change, before they are saved."""
    stored = policy_changes.rules_of(policies.of(request.team))
    form = PolicyForm(request.GET, rules=stored)
    if not form.is_valid():
        return _settings(request, form, 422)
    return _preview(request, form.rules)


def _settings(request: TeamRequest, form: PolicyForm, status: int) -> HttpResponse:
    return render_forms(request, "apikeys/policy.html", {"form": form}, status=status)


def _preview(request: TeamRequest, rules: Rules, *, is_stale: bool = False) -> HttpResponse:
    team, now = request.team, timezone.now()
    counted = policy_changes.effects(team, rules, now)
    which = policy_changes.conditions(rules, now)
    shown = [
        Effect(kind, count, policy_changes.most_used(team, rules, now, keys, SHOWN))
        for kind, count, keys in _kinds(counted, which.endless, which.earlier, which.losing)
        if count
    ]
    _note_use([key for effect in shown for key in effect.keys], rules)
    context: dict[str, Any] = {
        "rules": rules,
        "overlap": _overlap(rules),
        "fields": _fields(rules),
        "query": _fields(rules).urlencode(),
        "effects": shown,
        "counted": counted,
        "version": policies.of(team).version,
        "is_stale": is_stale,
    }
    return render(request, "apikeys/policy_preview.html", context, status=409 if is_stale else 200)


def _overlap(rules: Rules) -> str:
    hours = timedelta(hours=rules.longest_overlap or 0)
    return f"At most {rotation.words(hours)}" if hours else "None"


def _kinds(counted: Effects, *which: Q) -> list[tuple[str, int, Q]]:
    kinds = ("endless", "earlier", "losing")
    return [(kind, getattr(counted, kind), keys) for kind, keys in zip(kinds, which, strict=True)]


def _note_use(keys: list[ApiKey], rules: Rules) -> None:
    """Add to keys what their rows show: the calls of today, and the scopes that they lose."""
    days = resources.registry().days(keys, 1)
    for key in keys:
        of_key = days.get(key.id, ())
        key.calls_today = of_key[-1].let_in if of_key else 0  # type: ignore[attr-defined]
        key.lost = sorted(rules.refused.intersection(key.scopes))  # type: ignore[attr-defined]


def _fields(rules: Rules) -> QueryDict:
    """Return rules as the fields of the form that says them."""
    fields = QueryDict(mutable=True)
    for name in ("longest_life", "rotate_every", "longest_overlap"):
        value = getattr(rules, name)
        fields[name] = "" if value is None else str(value)
    for name in ("may_last_forever", "holders_may_rotate"):
        if getattr(rules, name):
            fields[name] = "on"
    fields.setlist("scopes", sorted(PolicyForm.allowed(rules)))
    return fields


def _number(fields: QueryDict, name: str) -> int | None:
    text = fields.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) < MAX_DIGITS
    return int(text) if is_number else None


def _said(changed: Effects) -> str:
    if not changed.keys:
        return "The key policy is saved. No key changed."
    moved = changed.endless + changed.earlier
    parts = [
        f"{moved:,} key{'' if moved == 1 else 's'} got an earlier end" if moved else "",
        f"{changed.losing:,} lost a scope" if changed.losing else "",
    ]
    return f"The key policy is saved. {' and '.join(part for part in parts if part)}."
