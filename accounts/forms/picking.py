"""Pick one row of many by its name: a text field that offers at most 50 names while one types.

Without JavaScript the browser offers the first names, and any other name can be typed in full.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.forms.words import NO_CHOICE
from accounts.models import ServiceAccount, Team, User
from accounts.models.names import fold

OFFERED = 50
LONGEST = 100  # characters of a name that is looked for


class Picker(forms.TextInput):
    """A text field with the names that fit. `names` is the address of a search for more.

    Fields that share a `list_id` share the list: only one of them draws it.
    """

    template_name = "components/picker.html"
    names = ""
    list_id = ""
    offered: "list[Any]"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "off", "spellcheck": "false", **(attrs or {})})
        self.offered = []

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Return what the template draws."""
        context = super().get_context(name, value, attrs)
        own_list = f"{context['widget']['attrs'].get('id', name)}_names"
        picker = {"names": self.names, "list": self.list_id or own_list, "offered": self.offered}
        return {**context, **picker, "is_list_drawn": not self.list_id}


class PickField(forms.CharField):
    """Base: one row, shown and sent by its name. Its value is the row, or None."""

    widget = Picker
    by: ClassVar[str]  # the column that is offered and typed
    noun: ClassVar[str]
    url_name: ClassVar[str]  # of the search

    def __init__(self, *, nobody: str = "", **options: Any) -> None:
        """Prepare the field. `nobody` says what an empty field means."""
        widget = Picker({"placeholder": nobody} if nobody else None)
        super().__init__(widget=widget, max_length=LONGEST, **options)
        self.rows: QuerySet[Any] | None = None
        self.known: Mapping[str, Any] | None = None

    def offer(self, team: Team, rows: "QuerySet[Any]", *, list_id: str = "") -> None:
        """Take one of these rows. The first are offered; `list_id` is a list that others draw."""
        self.rows = rows
        self.widget.names = reverse(self.url_name, args=[team.slug])
        self.widget.list_id = list_id
        if list_id:  # many fields: their form says once how a browser treats them
            self.widget.attrs = {}
        else:
            self.widget.offered = self.search(rows, "")

    @classmethod
    def search(cls, rows: "QuerySet[Any]", typed: str) -> list[Any]:
        """Return the names of at most 50 rows that have the typed text in theirs."""
        fit = rows.filter(**cls.fitting(typed)) if typed else rows
        return [*fit.order_by(cls.by).values_list(cls.by, flat=True).distinct()[:OFFERED]]

    @classmethod
    def fitting(cls, typed: str) -> dict[str, str]:
        """Return the filter for names that have the typed text in them."""
        return {f"{cls.by}__icontains": typed}

    @classmethod
    def named(cls, typed: str) -> dict[str, str]:
        """Return the filter for the row of exactly this name."""
        return {f"{cls.by}__iexact": typed}

    def find(self, typed: str) -> Any:
        """Return the row of this name, or None. `known` holds what was looked up at once."""
        if self.known is not None:
            return self.known.get(fold(typed))
        return self.rows.filter(**self.named(typed)).first() if self.rows is not None else None

    def to_python(self, value: Any) -> Any:
        """Return the row, and None for an empty field."""
        typed = super().to_python(value)
        if not typed:
            return None
        row = self.find(typed) if len(typed) <= LONGEST and "\0" not in typed else None
        if row is None:
            raise ValidationError(f"No {self.noun} has this name. {NO_CHOICE}", "invalid_choice")
        return row

    def run_validators(self, value: Any) -> None:
        """Leave the row alone: its name was found, so it is neither too long nor odd."""

    def prepare_value(self, value: Any) -> Any:
        """Return the name of a row that the form begins with, or what was typed."""
        return getattr(value, self.by) if isinstance(value, Model) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another name stands in the field than at first."""
        return fold(str(self.prepare_value(initial) or "")) != fold(str(data or ""))


class PersonField(PickField):
    """A member, by username."""

    by, noun, url_name = "username", "member", "member_names"


class ServiceAccountField(PickField):
    """A service account, by its name."""

    by, noun, url_name = "name", "service account", "service_account_names"

    @classmethod
    def fitting(cls, typed: str) -> dict[str, str]:
        """Return the filter for names that have the typed text in them."""
        return {"name_key__contains": fold(typed)}

    @classmethod
    def named(cls, typed: str) -> dict[str, str]:
        """Return the filter for the account of exactly this name."""
        return {"name_key": fold(typed)}


def people_of(team: Team) -> "QuerySet[User]":
    """Return the members of a team."""
    return User.objects.filter(memberships__team=team)


def accounts_of(team: Team) -> "QuerySet[ServiceAccount]":
    """Return the service accounts of a team that are not deleted."""
    return ServiceAccount.objects.of(team).kept()


def offer(request: HttpRequest, field: type[PickField], rows: "QuerySet[Any]") -> HttpResponse:
    """Answer a search while somebody types: the names that fit what stands in the field."""
    name = getattr(request, "htmx").trigger_name or "q"  # noqa: B009  # set by middleware
    typed = request.POST.get(name, "").replace("\0", "").strip()[:LONGEST]
    return render(request, "components/picker_names.html", {"offered": field.search(rows, typed)})
