"""The form that filters the audit trail, sent by GET."""

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
    """Filter by person, event, target and days."""

    who = forms.CharField(required=False, max_length=254, label="Who")
    event = forms.ChoiceField(required=False, choices=_events, label="Event")
    what = forms.CharField(required=False, max_length=254, label="On what")
    first_day = _day("From")
    last_day = _day("To")

    def clean(self) -> dict[str, Any]:
        """Refuse a last day before the first one."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if first and last and last < first:
            self.add_error("last_day", "This day is before the first one.")
        return cleaned

    @property
    def filters(self) -> Filters:
        """The filters to apply; none if the form has a mistake."""
        return Filters(**self.cleaned_data) if self.is_valid() else Filters()
