"""The form of a new key: its kind, what it may do, what it opens, and its bounds."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.forms.bounds import limit_fields, limits_of, networks_field, origins_field
from accounts.forms.picking import (
    PersonField,
    PickField,
    ServiceAccountField,
    accounts_of,
    people_of,
)
from accounts.forms.words import NO_CHOICE
from accounts.models import Environment
from accounts.models.limited import LIMIT_COLUMNS
from accounts.permissions import Principal
from apikeys import found, resources, scopes
from apikeys.forms import expiry, hand_overs
from apikeys.found import Found
from apikeys.models import KeyPolicy, Kind
from apikeys.resources import Resource
from apikeys.scopes import Preset
from apikeys.services.terms import Terms, lacking

SHOWN = 50  # chatflows that the picker lists beside the chosen ones
FEW = 5  # so many are seen at one look, without a search
LABELS = {
    Preset.PREDICT: "Ask only",
    Preset.READ: "Read only",
    Preset.ALL: "Everything I may",
    Preset.CHOOSE: "Choose",
}
# The fields that only one kind of key has: for the other kind nothing is read from them.
OF_KIND = {
    Kind.SECRET: ("preset", "scopes", "opens", "networks", "way", *hand_overs.link_fields()),
    Kind.PUBLISHABLE: ("pinned_to", "origins"),
}
# Where the page shows an error about a term that has no field of its name.
FIELD_OF = {"limits": LIMIT_COLUMNS[0], "expires_at": "expires"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A preset with the sentence about a key that holds its scopes, or one scope with its words."""

    value: str
    label: str
    is_checked: bool
    found: Found | None = None


class Offered(NamedTuple):
    """Chatflows to choose from, as the page draws them: the chosen ones, then others."""

    selected: list[resources.Choice]
    others: list[resources.Choice]


class TextsField(forms.Field):
    """All values that were sent under one name, as they were sent."""

    widget = forms.CheckboxSelectMultiple


class NewKeyForm(forms.Form):
    """What a new key is, may do and opens. `opens`, `pinned_to` and scopes are drawn by hand."""

    kind = forms.ChoiceField(choices=Kind.choices, required=False)
    name = forms.CharField(
        max_length=64,
        help_text="Name the integration that will hold it, such as crm-sync, not the person.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    service_account = ServiceAccountField(
        required=False,
        label="Service account",
        nobody="None: the team's own",
        help_text="The machine that will hold it. Its environment is the key's.",
    )
    environment = forms.ChoiceField(
        choices=Environment.choices, required=False, initial=Environment.PRODUCTION
    )
    contact = PersonField(
        required=False,
        nobody="Nobody but the admins",
        help_text="Gets the mails about this key, as the admins do.",
    )
    expires = forms.ChoiceField()
    expires_on = forms.DateField(
        required=False,
        label="Last day",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="It works until the end of this day, UTC.",
    )
    preset = forms.ChoiceField(choices=[(p.value, LABELS[p]) for p in Preset], required=False)
    scopes = TextsField(required=False)
    opens = TextsField(required=False)
    pinned_to = forms.UUIDField(required=False, error_messages={"invalid": NO_CHOICE})
    networks = networks_field(label="Networks")
    origins = origins_field(
        label="Origins",
        help_text="One a line: https, name, port where it is not 443. No path, no star.",
    )

    def __init__(
        self, *args: Any, principal: Principal, address: str, find: str = "", **kwargs: Any
    ) -> None:
        """Prepare the form. `find` is in the name of the chatflows that it offers."""
        super().__init__(*args, **kwargs)
        self.team, self.find = principal.team, find
        self.policy = KeyPolicy.objects.of(self.team).first() or KeyPolicy(team=self.team)
        self.may_give = scopes.givable(principal.permissions, self.policy.scopes)
        self.longest = expiry.life(self.policy.longest_life)
        self.fields |= limit_fields() | {"way": hand_overs.way_field()} | hand_overs.link_fields()
        self.fields[
            "networks"
        ].help_text = f"One a line. Empty: from anywhere. You are at {address}."
        self.ends = expiry.choices(self.longest, may_last_forever=self.policy.may_last_forever)
        self._choices("expires").choices = self.ends
        self.fields["expires_on"].widget.attrs |= expiry.span(self.longest)
        self._pick("service_account").offer(self.team, accounts_of(self.team))
        self._pick("contact").offer(self.team, people_of(self.team).filter(is_active=True))

    @property
    def terms(self) -> Terms:
        """The terms that a valid form asks for. Nothing is read from fields of the other kind."""
        cleaned = self.cleaned_data
        terms: Terms = {
            "kind": self.chosen_kind,
            "scopes": cleaned["scopes"],
            "expires_at": cleaned["expires_at"],
            "service_account": cleaned["service_account"],
            "environment": cleaned["environment"] or Environment.PRODUCTION,
            "contact": cleaned["contact"],
            "pinned_to": cleaned["pinned_to"],
            "networks": cleaned["networks"],
            "origins": cleaned["origins"],
            "limits": limits_of(cleaned),
        }
        return terms

    @property
    def chosen_kind(self) -> Kind:
        """The kind that is chosen: secret unless told."""
        chosen = self["kind"].value()
        return Kind.PUBLISHABLE if chosen == Kind.PUBLISHABLE else Kind.SECRET

    @property
    def is_by_link(self) -> bool:
        """Whether the holder takes the text by a link. A publishable text is no secret."""
        return self.chosen_kind is Kind.SECRET and hand_overs.is_by_link(self)

    @property
    def presets(self) -> list[Choice]:
        """The presets, each with the sentence about its scopes."""
        chosen = self["preset"].value() or Preset.PREDICT
        return [
            Choice(preset, LABELS[preset], preset == chosen, self._found(preset))
            for preset in Preset
        ]

    @property
    def groups(self) -> list[tuple[str, list[Choice]]]:
        """The scopes that may be given, in the groups of pages."""
        sent = self["scopes"].value()
        chosen = scopes.DEFAULT_SCOPES if sent is None else sent
        groups = [
            (
                title,
                [Choice(s, words, s in chosen) for s, words in of.items() if s in self.may_give],
            )
            for title, of in scopes.GROUPS.items()
        ]
        return [(title, choices) for title, choices in groups if choices]

    @property
    def public(self) -> Found:
        """The sentence about a publishable key."""
        return found.sentence(scopes.DEFAULT_SCOPES, resources=None, is_publishable=True)

    @property
    def days(self) -> list[tuple[str, str]]:
        """The days that relative terms mean, by choice."""
        moments = [(choice, expiry.resolve(choice, None)) for choice, _ in self.ends]
        return [(choice, expiry.words(moment)) for choice, moment in moments if moment]

    @property
    def expires_chosen(self) -> str:
        """The choice of the expiry that is drawn as checked."""
        return str(self["expires"].value() or expiry.default(self.ends))

    @property
    def to_open(self) -> Offered:
        """The chatflows that a secret key can open."""
        return self._offered(_uuids(self["opens"].value()))

    @property
    def to_pin(self) -> Offered:
        """The chatflows that a publishable key can be pinned to."""
        return self._offered(_uuids([self["pinned_to"].value()]))

    @property
    def shown(self) -> int:
        """How many chatflows there are to choose from on the page."""
        return len(self._chosen) + len(self._first)

    @property
    def has_search(self) -> bool:
        """Whether there are so many chatflows that a search helps."""
        return bool(self.find) or len(self._first) > FEW

    @property
    def has_accounts(self) -> bool:
        """Whether the team has a service account to choose."""
        return bool(self._pick("service_account").widget.offered)

    @property
    def has_more(self) -> bool:
        """Whether more chatflows fit than the page shows."""
        return len(self._first) > SHOWN

    def clean_opens(self) -> list[UUID]:
        """Return the chatflows that the key opens, all of the team."""
        texts = self.cleaned_data["opens"] or []
        wanted = _uuids(texts)
        if len(wanted) != len(texts) or not self._are_known(wanted):
            raise ValidationError(f"{NO_CHOICE} One of these chatflows is gone.")
        return list(wanted)

    def clean_scopes(self) -> list[str]:
        """Return the scopes of the preset, or those that were chosen one by one."""
        preset = Preset(self.cleaned_data.get("preset") or Preset.PREDICT)
        if self.chosen_kind is Kind.PUBLISHABLE or preset is not Preset.CHOOSE:
            given = scopes.of_preset(preset, self.may_give)
            return sorted(given if self.chosen_kind is Kind.SECRET else scopes.DEFAULT_SCOPES)
        try:
            return sorted(scopes.read(self.cleaned_data["scopes"] or []))
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        """Resolve the expiry to `expires_at`, and forget the fields of the other kind."""
        cleaned = super().clean() or {}
        other = Kind.PUBLISHABLE if self.chosen_kind is Kind.SECRET else Kind.SECRET
        for name in {*OF_KIND[other]} - {"scopes"}:
            self.errors.pop(name, None)
            cleaned[name] = None if name == "pinned_to" else []
        hand_overs.forget_link(self)
        choice, day = cleaned.get("expires"), cleaned.get("expires_on")
        cleaned["expires_at"] = expiry.resolve(choice, day, self.longest) if choice else None
        if choice == expiry.ON_DATE:
            self._check_day(day, cleaned["expires_at"])
        else:
            self.errors.pop("expires_on", None)
        if self.chosen_kind is Kind.PUBLISHABLE:
            self._note_lacking(cleaned)
        return cleaned

    def note(self, error: ValidationError) -> None:
        """Show what the service refused, beside the fields that it names."""
        for field, words in error.message_dict.items():
            name = FIELD_OF.get(field, field)
            if name == "expires" and self["expires"].value() == expiry.ON_DATE:
                name = "expires_on"
            self.add_error(name if name in self.fields else None, words)

    def _note_lacking(self, cleaned: dict[str, Any]) -> None:
        found = lacking(cleaned.get("pinned_to"), cleaned.get("origins"), limits_of(cleaned))
        for field, words in found.items():
            name = FIELD_OF.get(field, field)
            if name not in self.errors:
                self.add_error(name, words)

    def _check_day(self, day: Any, expires_at: Any) -> None:
        if day is None and "expires_on" not in self.errors:
            self.add_error("expires_on", "Choose the last day on which the key works.")
        elif expires_at is not None and expires_at <= timezone.now():
            self.add_error("expires_on", "This day is over. Choose a later one.")

    def _found(self, preset: Preset) -> Found | None:
        given = scopes.of_preset(preset, self.may_give)
        return None if preset is Preset.CHOOSE else found.sentence(given, resources=None)

    @cached_property
    def _first(self) -> list[Resource]:
        return resources.registry().first(self.team, SHOWN + 1, self.find)

    @cached_property
    def _chosen(self) -> list[Resource]:
        ids = _uuids(self["opens"].value()) | _uuids([self["pinned_to"].value()])
        return resources.registry().by_ids(self.team, [*ids]) if ids else []

    def _offered(self, chosen: set[UUID]) -> Offered:
        """Return what is chosen, and then the first by name of those that fit the search."""
        selected = [
            resources.Choice(one, is_selected=True) for one in self._chosen if one.id in chosen
        ]
        others = [one for one in self._first if one.id not in chosen][:SHOWN]
        return Offered(selected, [resources.Choice(one, is_selected=False) for one in others])

    def _are_known(self, ids: set[UUID]) -> bool:
        return not ids or len(resources.registry().by_ids(self.team, [*ids])) == len(ids)

    def _choices(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field

    def _pick(self, name: str) -> PickField:
        field = self.fields[name]
        assert isinstance(field, PickField)
        return field


def _uuids(texts: Any) -> set[UUID]:
    """Return those of the texts that are ids."""
    found_ids = set()
    for text in texts or []:
        try:
            found_ids.add(UUID(str(text)))
        except ValueError:
            continue
    return found_ids
