"""Forms that change one key. Each carries the version of the key that it was drawn from."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict

from accounts.forms.base import StrictForm
from accounts.forms.bounds import limit_fields, networks_field, origins_field
from accounts.forms.picking import PersonField, PickField, ServiceAccountField, accounts_of
from accounts.forms.versions import Versioned
from accounts.mail import addresses
from accounts.models import Environment, User
from accounts.models.limited import LIMIT_COLUMNS
from apikeys import scopes
from apikeys.models import ApiKey
from apikeys.services.details import MAX_ROTATION, Details
from apikeys.services.life import policies

DEFAULT_NAME_HELP = (
    f"New chatflows select the key that is called {ApiKey.DEFAULT_NAME}. Under another name it is "
    "no longer selected for them."
)


class KeyForm(Versioned, StrictForm):
    """Base: the fields of a key, drawn from its row."""

    def __init__(self, data: QueryDict | None, key: ApiKey, **options: Any) -> None:
        super().__init__(data, initial=self.of(key), version=key.version, **options)
        self.key = key

    @staticmethod
    def of(key: ApiKey) -> dict[str, Any]:
        """Return the values that the key has now."""
        raise NotImplementedError


class DetailsForm(KeyForm):
    """Name, note, contact, environment, account and reminder."""

    name = forms.CharField(
        max_length=64, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )
    note = forms.CharField(
        required=False,
        max_length=300,
        help_text="What it is for and where its text lies. Never write the text itself here.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    contact = PersonField(
        required=False,
        label="Contact in the team",
        nobody="Nobody beside the admins",
        help_text="Gets the mails about this key, as the admins do.",
    )
    contact_email = forms.CharField(
        required=False,
        max_length=addresses.MAX_LENGTH,
        label="Or an address outside the team",
        help_text="It gets one link to confirm. Nothing else is sent before.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    service_account = ServiceAccountField(
        required=False,
        label="Service account",
        nobody="None: it belongs to the team itself",
        help_text="Empty: the key belongs to the team itself.",
    )
    environment = forms.ChoiceField(
        choices=Environment.choices,
        help_text="Of a key without a service account. With one, the account's environment holds.",
    )
    rotate_every = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_ROTATION,
        label="Days between reminders to rotate",
        widget=forms.NumberInput(attrs={"placeholder": "No reminder"}),
    )

    def __init__(self, data: QueryDict | None, key: ApiKey, **options: Any) -> None:
        super().__init__(data, key, **options)
        if key.name == ApiKey.DEFAULT_NAME:
            self.fields["name"].help_text = DEFAULT_NAME_HELP
        members = Q(memberships__team=key.team) | Q(pk=key.contact_id)
        self._offer("contact", User.objects.filter(members).distinct())
        self._offer("service_account", accounts_of(key.team))

    @staticmethod
    def of(key: ApiKey) -> dict[str, Any]:
        """Return the details as they are."""
        plain = ("name", "note", "environment", "contact_email", "rotate_every")
        related = {"contact": key.contact, "service_account": key.service_account}
        return {name: getattr(key, name) for name in plain} | related

    def clean_contact_email(self) -> str:
        """Refuse anything but one address."""
        typed: str = self.cleaned_data["contact_email"]
        return addresses.one(typed) if typed else ""

    @property
    def details(self) -> Details:
        """The details that a valid form holds."""
        return Details(**self.typed)

    def _offer(self, name: str, rows: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, PickField)
        field.offer(self.key.team, rows)


class LimitsForm(KeyForm):
    """The limits of a key. An empty field is no limit."""

    def __init__(self, data: QueryDict | None, key: ApiKey, **options: Any) -> None:
        super().__init__(data, key, **options)
        self.fields.update(limit_fields())

    @staticmethod
    def of(key: ApiKey) -> dict[str, Any]:
        """Return the limits as they are."""
        return {column: getattr(key, column) for column in LIMIT_COLUMNS}


class WhereForm(KeyForm):
    """Networks and origins that calls may come from."""

    networks = networks_field(
        label="Networks",
        help_text="One a line, such as 203.0.113.0/24 or one address. Empty: any network.",
    )
    origins = origins_field(
        label="Web pages",
        help_text="One origin a line. Empty: not asked. Calls from other origins are refused.",
    )

    @staticmethod
    def of(key: ApiKey) -> dict[str, Any]:
        """Return the networks and origins as they are."""
        return {"networks": key.networks, "origins": key.origins}


class ScopeRow(NamedTuple):
    """A scope as the form shows it."""

    scope: str
    words: str
    is_ticked: bool
    why: str


class ScopesForm(KeyForm):
    """What a key may do."""

    scopes = forms.MultipleChoiceField(
        required=False,
        choices=[(scope.value, scope.value) for of in scopes.GROUPS.values() for scope in of],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self, data: QueryDict | None, key: ApiKey, *, held: Iterable[str], **options: Any
    ) -> None:
        super().__init__(data, key, **options)
        self._held = frozenset(held)
        self._allowed = policies.allowed_scopes(key.team)

    def clean(self) -> dict[str, Any] | None:
        """Scopes are one list of many values, so the base's look for doubled fields is no use."""
        if isinstance(self.data, QueryDict):
            foreign = set(self.data) - set(self.fields) - {"csrfmiddlewaretoken"}
            if foreign:
                raise ValidationError("Something was added to this form, so nothing was done.")
        return self.cleaned_data

    @staticmethod
    def of(key: ApiKey) -> dict[str, Any]:
        """Return the scopes as they are."""
        return {"scopes": key.scopes}

    @property
    def groups(self) -> list[tuple[str, list[ScopeRow]]]:
        """Each scope with whether it is ticked and why it can't be added, in groups."""
        ticked = self["scopes"].value() or []
        return [
            (title, [self._row(scope.value, words, ticked) for scope, words in of.items()])
            for title, of in scopes.GROUPS.items()
        ]

    @property
    def may_add(self) -> bool:
        """Whether this person holds all that the key holds, which adding asks for."""
        return self._held.issuperset(self.key.scopes)

    def _row(self, scope: str, words: str, ticked: Any) -> ScopeRow:
        why = ""
        if scope not in self.key.scopes:
            if scope not in self._allowed:
                why = "The key policy of the team does not allow it."
            elif scope not in self._held:
                why = "Your role does not hold it."
        return ScopeRow(scope, words, scope in ticked, why)
