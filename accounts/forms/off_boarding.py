"""The form of off-boarding: what becomes of each key and service account of a person."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.forms import BoundField
from django.http import QueryDict
from django.utils import timezone

from accounts.forms.base import StrictForm
from accounts.forms.picking import PersonField
from accounts.held_keys import Choice, Choices, SheetKey, Way
from accounts.models import Team, User
from accounts.models.names import fold
from accounts.services.off_boarding import OVERLAPS, Care, Whole

NAME = re.compile(r"(key|account)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
MAX_POSTED = 200  # choices of a sheet that was drawn earlier, and perhaps in another order
WAYS = {
    "key": (Way.KEEP, Way.GIVE, Way.ROTATE, Way.REVOKE),
    "account": (Way.KEEP, Way.GIVE, Way.REVOKE),
    "others": (Way.ADVISED, Way.KEEP, Way.GIVE, Way.ROTATE, Way.REVOKE),
}
LABELS = {Way.ADVISED: "As advised"}
OVERLAP_LABELS = {
    "none": "None",
    "24-hours": "24 hours",
    "7-days": "7 days",
    "until-silent": "Until silent",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the sheet with its two fields."""

    of: Any  # a SheetKey or a Care
    way: BoundField
    to: BoundField


class OffBoardingForm(StrictForm):
    """Choices for what a person leaves behind. What nobody chose for is kept."""

    drawn_at = forms.DateTimeField(required=False)
    overlap = forms.ChoiceField(
        choices=list(OVERLAP_LABELS.items()), required=False, initial="24-hours"
    )

    def __init__(
        self,
        data: QueryDict | None,
        *,
        team: Team,
        whole: Whole,
        heirs: "QuerySet[User]",
        heir: User | None,
        is_leaving: bool,
    ) -> None:
        """Prepare the fields. `heir` looks after things unless somebody else is chosen."""
        super().__init__(data, initial={"drawn_at": timezone.now().isoformat()})
        self._team, self._whole, self._is_leaving = team, whole, is_leaving
        self._rows, self._heir = heirs, heir
        self.heirs = PersonField.search(heirs, "")  # usernames to offer
        self._named = self._looked_up(data or QueryDict())
        for key in whole.keys.keys:
            self._add("key", f"key-{key.id}", key.advised)
        for care in whole.accounts:
            is_given = is_leaving and bool(self.heirs)
            self._add("account", f"account-{care.account.id}", Way.GIVE if is_given else Way.KEEP)
        self._add("others", "others", Way.ADVISED)
        # A sheet that was drawn earlier may show other lines. The service knows the team's.
        named = [found for found in map(NAME.fullmatch, data or ()) if found]
        for found in named[:MAX_POSTED]:
            if found[0] not in self.fields:
                self._add(found[1], found[0], Way.KEEP)

    def clean(self) -> dict[str, Any] | None:
        """Ask for somebody wherever something is given."""
        cleaned = super().clean()
        for name in self.fields:
            is_given = self.cleaned_data.get(name) == Way.GIVE
            if (
                is_given
                and not self.cleaned_data.get(f"{name}-to")
                and not self[f"{name}-to"].errors
            ):
                self.add_error(f"{name}-to", "Choose who looks after it.")
        return cleaned

    @property
    def choices(self) -> Choices:
        """What a valid form says."""
        overlap = self.cleaned_data.get("overlap") or "24-hours"
        drawn_at: datetime | None = self.cleaned_data.get("drawn_at")
        return Choices(
            # Without the moment nothing is known to have been on the sheet, so nothing is changed.
            drawn_at=drawn_at or datetime.min.replace(tzinfo=timezone.now().tzinfo),
            keys=self._chosen("key"),
            others=self._choice("others"),
            accounts=self._chosen("account"),
            overlap=OVERLAPS[overlap],
            when_silent=overlap == "until-silent",
        )

    @property
    def key_rows(self) -> list[Row]:
        """The keys of the sheet with their fields."""
        return [self._row(key, f"key-{key.id}") for key in self._whole.keys.keys]

    @property
    def account_rows(self) -> list[Row]:
        """The service accounts of the sheet with their fields."""
        return [self._row(care, f"account-{care.account.id}") for care in self._whole.accounts]

    @property
    def others_row(self) -> Row:
        """The fields for the keys that are not in detail."""
        return self._row(self._whole.keys.others, "others")

    def _row(self, of: SheetKey | Care | Any, name: str) -> Row:
        return Row(of, self[name], self[f"{name}-to"])

    def _add(self, kind: str, name: str, advised: Way) -> None:
        ways = [(way.value, LABELS.get(way, way.value.capitalize())) for way in WAYS[kind]]
        self.fields[name] = forms.ChoiceField(choices=ways, required=False, initial=advised.value)
        to = PersonField(required=False, initial=self._heir, label="Goes into the care of")
        to.offer(self._team, self._rows, list_id="heirs")
        to.known = self._named
        self.fields[f"{name}-to"] = to

    def _looked_up(self, data: QueryDict) -> dict[str, User]:
        """Return the people who were typed, by folded username: one statement for all fields."""
        typed = {str(data[name]).strip().lower() for name in data if name.endswith("-to")}
        typed = {name for name in typed if name and "\0" not in name}
        lowered = self._rows.annotate(lowered=Lower("username"))
        found = lowered.filter(lowered__in=[*typed][: 2 * MAX_POSTED]) if typed else ()
        return {fold(user.username): user for user in found}

    def _chosen(self, kind: str) -> dict[UUID, Choice]:
        found = {}
        for name in self.fields:
            match = NAME.fullmatch(name)
            choice = self._choice(name) if match and match[1] == kind else None
            if match and choice is not None:
                found[UUID(match[2])] = choice
        return found

    def _choice(self, name: str) -> Choice | None:
        way = self.cleaned_data.get(name)
        if not way:
            return None
        to = self.cleaned_data.get(f"{name}-to")
        return Choice(Way(way), to if way == Way.GIVE else None)
