"""What forms say of a field that is wrong: short, and in the words of our pages."""

from typing import Any

from django import forms
from django.core.validators import EmailValidator, ProhibitNullCharactersValidator

NOTHING = "Fill this in."
NO_CHOICE = "Choose one of the list."
# By the class of a field, what it says in place of Django's own sentence.
SAID: dict[Any, dict[str, str]] = {
    forms.Field: {"required": NOTHING},
    forms.ChoiceField: {"invalid_choice": NO_CHOICE},
    forms.MultipleChoiceField: {"invalid_choice": NO_CHOICE, "invalid_list": NO_CHOICE},
    forms.ModelChoiceField: {"invalid_choice": NO_CHOICE},
    forms.ModelMultipleChoiceField: {"invalid_choice": NO_CHOICE, "invalid_pk_value": NO_CHOICE},
    forms.DateField: {"invalid": "Write a day, such as 2027-01-31."},
    forms.IntegerField: {"invalid": "Write a whole number."},
    forms.DecimalField: {"invalid": "Write a number."},
}


def speak() -> None:
    """Set our sentences, before the first form is made."""
    for field, said in SAID.items():
        field.default_error_messages |= said
    EmailValidator.message = "This is no e-mail address. Write it as name@example.com."
    ProhibitNullCharactersValidator.message = "A character here can't be stored. Type it anew."
