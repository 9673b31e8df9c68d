"""The form that moves the end of a key, or gives it one."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict

from accounts.forms.base import StrictForm
from accounts.forms.versions import Versioned
from apikeys.services.life import expiry
from apikeys.services.life.expiry import later

TERMS = {"90": "By 90 days", "365": "By a year"}
FIRST_TERMS = {"90": "In 90 days", "365": "In a year"}  # for a key without an end
LATEST, ON_DATE = "latest", "date"
END_OF_DAY = time(23, 59, 59, tzinfo=UTC)


class ExtendForm(Versioned, StrictForm):
    """By 90 days, by a year, as far as the key policy allows, or until the end of a day, UTC.

    Terms count from the present end, or from now where that is past or there is none. `latest` is
    the last moment that the policy allows; what would be later is not offered.
    """

    says_what_is_stored = False
    until = forms.ChoiceField(label="New end", widget=forms.RadioSelect)
    last_day = forms.DateField(
        required=False,
        label="Last day",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="It works until the end of this day, UTC.",
    )

    def __init__(
        self,
        data: QueryDict | None,
        *,
        ends_at: datetime | None,
        now: datetime,
        latest: datetime | None,
    ) -> None:
        self._latest = latest
        start = max(ends_at or now, now)
        self.has_end = ends_at is not None
        moments = {days: later(start, timedelta(days=int(days))) for days in TERMS}
        self.moments = {
            days: end for days, end in moments.items() if latest is None or end <= latest
        }
        if latest is not None and latest > start:
            self.moments[LATEST] = latest
        terms = TERMS if self.has_end else FIRST_TERMS
        labels = {**terms, LATEST: "As far as the key policy allows"}
        self.choices = [(value, labels[value], end) for value, end in self.moments.items()]
        offered = [(value, label) for value, label, _ in self.choices] + [(ON_DATE, "To a date")]
        version = expiry.version_of(ends_at)
        super().__init__(data, initial={"until": offered[0][0]}, version=version)
        field, day = self.fields["until"], self.fields["last_day"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = offered
        day.widget.attrs["min"] = now.date().isoformat()
        if latest is not None:
            day.widget.attrs["max"] = latest.date().isoformat()

    @property
    def is_possible(self) -> bool:
        """Whether the key policy allows a later end at all."""
        return self._latest is None or LATEST in self.moments

    def clean(self) -> dict[str, Any] | None:
        """Resolve the choice to `expires_at`."""
        cleaned = super().clean() or self.cleaned_data
        choice, day = cleaned.get("until"), cleaned.get("last_day")
        if choice == ON_DATE:
            if day is not None:
                cleaned["expires_at"] = self._end_of(day)
            elif "last_day" not in self.errors:
                self.add_error("last_day", "Choose the last day on which the key works.")
        elif choice:
            cleaned["expires_at"] = self.moments[choice]
        return cleaned

    def _end_of(self, day: date) -> datetime:
        end = datetime.combine(day, END_OF_DAY)
        if self._latest is not None and day == self._latest.date():
            return min(end, self._latest)  # on its last day the policy's hour counts
        return end
