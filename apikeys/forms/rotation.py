"""The form that rotates a key."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django import forms
from django.http import QueryDict

from accounts.forms.base import StrictForm
from apikeys.services.life import rotation

HOUR = timedelta(hours=1)
ENDS = {"overlap": "At the end of the overlap", "silent": "As soon as it is silent for 12 hours"}


class Overlap(NamedTuple):
    """A choice of the overlap, with the moment that it means."""

    hours: int
    name: str
    until: datetime


def overlaps(longest: timedelta, now: datetime) -> list[Overlap]:
    """Return the overlaps that may be chosen, the shortest first; `longest` is one of them."""
    spans = sorted({*(span for span in rotation.OVERLAPS if span <= longest), longest})
    return [Overlap(span // HOUR, rotation.words(span).capitalize(), now + span) for span in spans]


def _span(hours: Any) -> timedelta:
    return int(hours) * HOUR


class RotateForm(StrictForm):
    """How long the old secret works beside the new one, and what ends it."""

    overlap = forms.TypedChoiceField(
        coerce=lambda hours: int(hours) * HOUR, widget=forms.RadioSelect
    )
    ends = forms.ChoiceField(choices=list(ENDS.items()), widget=forms.RadioSelect)
    moves_end = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict | None, *, choices: list[Overlap]) -> None:
        usual = rotation.USUAL_OVERLAP // HOUR
        hours = [choice.hours for choice in choices]
        initial = {"overlap": usual if usual in hours else hours[-1], "ends": "overlap"}
        super().__init__(data, initial=initial)
        field = self.fields["overlap"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [(choice.hours, choice.name) for choice in choices]
