"""The form of a team's key policy. It is sent by GET to be looked at, and by POST to be saved."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from apikeys import scopes
from apikeys.scopes import DEFAULT_SCOPES
from apikeys.services.life.policy_changes import Rules

DAYS = {7: "7 days", 30: "30 days", 90: "90 days", 180: "180 days", 365: "1 year"}
HOURS = {0: "no overlap", 1: "at most 1 hour", 24: "at most 24 hours", 168: "at most 7 days"}
IN_ORDER = [scope for of in scopes.GROUPS.values() for scope in of]
MAX_SCOPES = 200  # texts in one form
NAMES = frozenset(
    {
        *("longest_life", "rotate_every", "longest_overlap"),
        *("may_last_forever", "holders_may_rotate", "scopes"),
    }
)
FOREIGN = NAMES | {"csrfmiddlewaretoken", "version", "seen"}


@dataclass(frozen=True, slots=True)
class Row:
    """One scope with its words, and whether keys may hold it."""

    value: str
    words: str
    is_allowed: bool
    is_fixed: bool  # asking is always allowed


class PolicyForm(forms.Form):
    """What keys of the team may be. The choices hold what is stored, also an unusual number."""

    longest_life = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        label="Longest life",
        help_text="Counted from the last text made.",
    )
    rotate_every = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        label="Rotate every",
        help_text="A reminder by mail; nothing stops.",
    )
    longest_overlap = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        label="After a rotation",
        help_text="How long both texts work.",
    )
    may_last_forever = forms.BooleanField(required=False)
    holders_may_rotate = forms.BooleanField(required=False)
    scopes = forms.MultipleChoiceField(
        required=False, choices=[(scope.value, scope.value) for scope in IN_ORDER]
    )

    def __init__(self, data: QueryDict | None, *, rules: Rules) -> None:
        initial = {
            "longest_life": rules.longest_life,
            "rotate_every": rules.rotate_every,
            "longest_overlap": rules.longest_overlap,
            "may_last_forever": rules.may_last_forever,
            "holders_may_rotate": rules.holders_may_rotate,
            "scopes": self.allowed(rules),
        }
        super().__init__(data, initial=initial)
        self._offer("longest_life", DAYS, rules.longest_life, "days", "No end asked")
        self._offer("rotate_every", DAYS, rules.rotate_every, "days", "Not asked")
        self._offer("longest_overlap", HOURS, rules.longest_overlap, "hours", "at most 30 days")

    @staticmethod
    def allowed(rules: Rules) -> list[str]:
        """Return the scopes that rules allow, as the form ticks them."""
        return [scope.value for scope in IN_ORDER if scope not in rules.refused]

    @property
    def rules(self) -> Rules:
        """What a valid form says. All scopes chosen: every scope, later ones too."""
        cleaned = self.cleaned_data
        chosen = frozenset(cleaned["scopes"]) | frozenset(DEFAULT_SCOPES)
        return Rules(
            longest_life=cleaned["longest_life"],
            rotate_every=cleaned["rotate_every"],
            longest_overlap=cleaned["longest_overlap"],
            may_last_forever=cleaned["may_last_forever"],
            holders_may_rotate=cleaned["holders_may_rotate"],
            scopes=None if chosen.issuperset(IN_ORDER) else chosen,
        )

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        """The scopes in the groups of pages."""
        chosen = self["scopes"].value() or []
        return [
            (
                title,
                [
                    Row(scope, words, scope in {*chosen, *DEFAULT_SCOPES}, scope in DEFAULT_SCOPES)
                    for scope, words in of.items()
                ],
            )
            for title, of in scopes.GROUPS.items()
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse fields that the page never had, and any that was sent twice."""
        if isinstance(self.data, QueryDict):
            sent = dict(self.data.lists())
            doubled = any(len(values) > 1 for name, values in sent.items() if name != "scopes")
            if set(sent) - FOREIGN or doubled or len(sent.get("scopes", [])) > MAX_SCOPES:
                raise ValidationError("Something was added to this form, so nothing was done.")
        return self.cleaned_data

    def _offer(
        self, name: str, usual: dict[int, str], stored: int | None, unit: str, nothing: str
    ) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        offered = dict(usual) if stored is None else {stored: f"{stored} {unit}", **usual}
        field.choices = [("", nothing), *sorted(offered.items())]
