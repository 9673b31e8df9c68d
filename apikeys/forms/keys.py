"""Form to delete a key."""

from typing import Any

from django import forms

from apikeys.models import ApiKey
from apikeys.services import key_lists


class DeleteKeyForm(forms.Form):
    """Delete a key, and choose another one to open what would be closed."""

    replacement = forms.ModelChoiceField(
        queryset=ApiKey.objects.none(),
        required=False,
        label="Open them with",
        empty_label="No other key: let them close",
    )

    def __init__(self, *args: Any, key: ApiKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["replacement"]
        assert isinstance(field, forms.ModelChoiceField)
        others = ApiKey.objects.of(key.team).kept().filter(pinned_to=None).exclude(pk=key.pk)
        field.queryset = others.usable()
        page = key_lists.page(others, lambda keys: keys.usable(), "")
        offered = sorted(page.keys, key=lambda other: other.name_key)
        field.choices = [("", field.empty_label), *[(other.pk, other.name) for other in offered]]
        if page.next:
            field.help_text = (
                "These are the keys used last. Another one is selected on the Access page of each "
                "chatflow."
            )
