"""Who sees a new text: whoever asks for it, or the holder, by a link."""

from typing import Any

from django import forms

from accounts.forms.base import StrictForm
from apikeys.services.life import hand_overs
from apikeys.services.life.hand_overs import LinkTerms

SHOW, LINK = "show", "link"
LIFETIMES = {"24h": "24 hours", "1h": "1 hour", "7d": "7 days"}


def way_field() -> forms.ChoiceField:
    """Return the choice between the text on the next page and a link."""
    return forms.ChoiceField(choices=[(SHOW, SHOW), (LINK, LINK)], required=False, initial=SHOW)


def link_fields() -> dict[str, forms.Field]:
    """Return for whom a link is, how long it works, and what its holder has to know."""
    text = {"autocomplete": "off", "spellcheck": "false", "data-unkept": ""}
    return {
        "holder": forms.CharField(
            label="For whom",
            required=False,
            max_length=64,
            help_text="Only your team sees this.",
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
        ),
        "lifetime": forms.ChoiceField(
            label="Link works for",
            choices=list(LIFETIMES.items()),
            required=False,
            initial=hand_overs.USUAL,
        ),
        "passphrase": forms.CharField(
            label="Passphrase",
            required=False,
            strip=False,
            max_length=hand_overs.MOST_PASSPHRASE,
            help_text="Tell it by phone, not beside the link. Five wrong ones end the link.",
            widget=forms.TextInput(attrs=text),
        ),
    }


def link_of(cleaned: dict[str, Any]) -> LinkTerms:
    """Return the link that a valid form asks for."""
    return {
        "lifetime": hand_overs.LIFETIMES[cleaned["lifetime"] or hand_overs.USUAL],
        "holder": cleaned["holder"],
        "passphrase": cleaned["passphrase"],
    }


def is_by_link(form: forms.Form) -> bool:
    """Return whether the form, valid or not, asks for a link."""
    return bool(form["way"].value() == LINK)


def forget_link(form: forms.Form) -> None:
    """Forget what was said of a link, and its errors, in a form that asks for none."""
    if not is_by_link(form):
        for name in link_fields():
            form.errors.pop(name, None)


class HandOverForm(StrictForm):
    """A link for a key that has no text yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields |= link_fields()
