"""Form to delete a key."""

from typing import Any

from django import forms

from apikeys.models import ApiKey


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
        others = ApiKey.objects.of(key.team).usable().filter(pinned_to=None).exclude(pk=key.pk)
        field.queryset = others.order_by("name_key")
