"""The filters of the audit trail, as a form that is sent by GET."""

from typing import Any

from django import forms

from accounts.audit import words
from accounts.audit.trail import Filters


def _events() -> list[Any]:
    return [("", "Every event"), *words.choices()]


def _day(label: str) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(required=False, label=label, widget=widget)


class AuditFilterForm(forms.Form):
    """Who, what event, on what, between which days."""

    who = forms.CharField(required=False, max_length=254, label="Who")
    event = forms.ChoiceField(required=False, choices=_events, label="Event")
    what = forms.CharField(required=False, max_length=254, label="On what")
    first_day = _day("From")
    last_day = _day("To")

    def clean(self) -> dict[str, Any]:
        """The days in their order."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if first and last and last < first:
            self.add_error("last_day", "This day is before the first one.")
        return cleaned

    @property
    def filters(self) -> Filters:
        """What to show; a form with a mistake filters nothing out."""
        return Filters(**self.cleaned_data) if self.is_valid() else Filters()
