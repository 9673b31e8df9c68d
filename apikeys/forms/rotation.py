"""The form that rotates a key."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django import forms
from django.http import QueryDict

from accounts.forms.base import StrictForm
from apikeys.forms import hand_overs
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

    def __init__(self, data: QueryDict | None, *, choices: list[Overlap], way: str) -> None:
        usual = rotation.USUAL_OVERLAP // HOUR
        hours = [choice.hours for choice in choices]
        overlap = usual if usual in hours else hours[-1]
        super().__init__(data, initial={"overlap": overlap, "ends": "overlap", "way": way})
        self.fields |= {"way": hand_overs.way_field()} | hand_overs.link_fields()
        field = self.fields["overlap"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [(choice.hours, choice.name) for choice in choices]

    @property
    def is_by_link(self) -> bool:
        """Whether the holder takes the new text by a link."""
        return hand_overs.is_by_link(self)

    def clean(self) -> dict[str, Any] | None:
        """Forget what was said of a link where none is asked for."""
        hand_overs.forget_link(self)
        return super().clean()
