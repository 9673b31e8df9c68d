"""The form of a chatflow's Access page: mode, keys, limits, price, where calls may come from."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from accounts.bounds import MAX_CALLS
from accounts.forms.bounds import (
    MoneyField,
    count_field,
    limit_fields,
    limits_of,
    networks_field,
    origins_field,
)
from apikeys.models import ApiKey
from chatflows.models import AccessMode, Chatflow
from chatflows.services import key_picker
from chatflows.services.chatflows import BOUNDS, Access, Bounds


class ShownField(forms.Field):
    """The ids of the keys that the page showed. Only those can lose their selection."""

    widget = forms.MultipleHiddenInput
    default_error_messages = {
        "required": "The list of keys did not come along. Load the page again.",
        "invalid": "The list of keys is damaged. Load the page again.",
    }

    def clean(self, value: Any) -> frozenset[UUID]:
        """Return the ids. A page without a key sends one empty value."""
        if not value:
            raise forms.ValidationError(self.error_messages["required"])
        try:
            return frozenset(UUID(text) for text in value if text)
        except ValueError:
            raise forms.ValidationError(self.error_messages["invalid"]) from None


class AccessForm(forms.Form):
    """Who may call a chatflow, how much, and from where."""

    mode = forms.ChoiceField(choices=AccessMode.choices, widget=forms.RadioSelect)
    keys = forms.ModelMultipleChoiceField(queryset=ApiKey.objects.none(), required=False)
    shown = ShownField()
    allow_key_in_url = forms.BooleanField(required=False)
    limit_address = count_field("Calls a minute of one address", MAX_CALLS)
    price = MoneyField(label="Price", help_text="The budget counts with it.")
    networks = networks_field(label="Networks")
    origins = origins_field(
        label="Web pages",
        help_text="Origins that a browser may call from, one a line. Programs send none, and are "
        "not asked.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, chatflow: Chatflow) -> None:
        saved: dict[str, Any] = {name: getattr(chatflow, name) for name in BOUNDS}
        saved["mode"] = chatflow.access_mode
        saved["allow_key_in_url"] = chatflow.allow_key_in_url
        super().__init__(data, initial={**saved, "version": chatflow.version})
        self.fields.update(limit_fields())
        self.fields["limit_address"].help_text = "For callers without a secret key."
        self.fields["limit_address"].widget.attrs["placeholder"] = "No limit"
        self.fields["price"].widget.attrs["placeholder"] = "Not set"
        field = self.fields["keys"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = key_picker.selectable(chatflow)

    def clean(self) -> dict[str, Any]:
        """Refuse a budget that nothing would count against."""
        cleaned = super().clean() or {}
        if cleaned.get("limit_budget") and not cleaned.get("price") and "price" not in self.errors:
            self.add_error(
                "price", "A budget counts by the price of tokens. Set one, such as 1.80."
            )
        return cleaned

    @property
    def access(self) -> Access:
        """What was chosen. Needs a valid form."""
        cleaned = self.cleaned_data
        return Access(
            mode=cleaned["mode"],
            key_ids=frozenset(key.pk for key in cleaned["keys"]),
            allow_key_in_url=cleaned["allow_key_in_url"],
            shown=cleaned["shown"],
            bounds=Bounds(
                limits=limits_of(cleaned),
                limit_address=cleaned["limit_address"],
                price=cleaned["price"],
                networks=tuple(cleaned["networks"]),
                origins=tuple(cleaned["origins"]),
            ),
        )
