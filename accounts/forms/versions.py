"""Forms that two people may have open at once: the last save never wins in silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict

LOST = "The form came without its version, so nothing is saved. Load the page again."


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Who changed a thing, and what stands now of what a refused form typed anew."""

    by: str
    thing: str
    stored: list[tuple[str, str]]  # label and value
    again: list[str]  # labels of fields whose text no page gives back


class Versioned(forms.BaseForm):
    """Mixin of forms that change what others may change too.

    `version` is that of the thing that the form is drawn from (accounts/services/versions.py).
    """

    meanwhile: Meanwhile | None = None
    says_what_is_stored = True  # else its fields say what to do

    def __init__(self, *args: Any, version: str | int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Several forms of a page have the field, so it has no id.
        hidden = forms.HiddenInput(attrs={"id": False})
        kind = forms.IntegerField if isinstance(version, int) else forms.CharField
        words = {"required": LOST, "invalid": LOST}
        self.fields["version"] = kind(widget=hidden, error_messages=words)
        self.initial = {**(self.initial or {}), "version": version}

    @property
    def typed(self) -> dict[str, Any]:
        """The values of a valid form, without its version."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}

    def refuse(
        self,
        stored: "Versioned",
        by: str,
        thing: str,
        differing: Sequence[tuple[str, str]] = (),
        again: Sequence[str] = (),
    ) -> None:
        """Say who changed the thing since. What was typed stays; saved again, it replaces theirs.

        `stored` is the form as it is drawn now. The others are what a second form of the page adds.
        """
        assert isinstance(self.data, QueryDict)
        data = self.data.copy()
        data[self.add_prefix("version")] = str(stored["version"].value())
        self.data = data
        mine = differences(self, stored) if self.says_what_is_stored else []
        stands = [*mine, *differing]
        self.meanwhile = Meanwhile(by, thing, stands, [*unshown(self), *again])


def differences(form: forms.BaseForm, stored: forms.BaseForm) -> list[tuple[str, str]]:
    """Return label and value of each field that is stored otherwise than the form says."""
    found = []
    for name, field in form.fields.items():
        if name == "version" or name not in stored.fields or _is_secret(field):
            continue
        now = stored.get_initial_for_field(field, name)
        if field.has_changed(now, form[name].data):
            found.append((str(form[name].label), _words(field, field.prepare_value(now))))
    return found


def unshown(form: forms.BaseForm) -> list[str]:
    """Return the labels of fields that were typed and that no page shows again."""
    typed = [name for name, field in form.fields.items() if _is_secret(field) and form[name].data]
    return [str(form[name].label) for name in typed]


def _is_secret(field: forms.Field) -> bool:
    return isinstance(field.widget, forms.PasswordInput)


def _words(field: forms.Field, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (None, "", []):
        return "nothing"
    if isinstance(field, forms.ModelChoiceField):
        return str(field.queryset.filter(pk=value).first() if field.queryset else value)
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(field, forms.ChoiceField):
        return str(dict(field.choices).get(value, value))  # type: ignore[arg-type]
    return str(value)
