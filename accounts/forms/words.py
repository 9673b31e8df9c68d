"""What forms say of a field that is wrong: short, and in the words of our pages."""

from typing import Any

from django import forms
from django.core import validators
from django.db import models

NOTHING = "Fill this in."
NO_CHOICE = "Choose one of the list."
TOO_LONG = "This is too long: at most %(limit_value)d characters, and it has %(show_value)d."
NULL = "A character here can't be stored. Type it anew."
NO_NUMBER = "Write a number."
DAY = "Write a day, such as 2027-01-31."
TIME = "Write a time, such as 18:00."
NO_FILE = "No file arrived. Choose it again."
CHOICES = {"invalid_choice": NO_CHOICE, "invalid_list": NO_CHOICE}
# By the class of a field, what it says in place of Django's own sentence.
SAID: dict[Any, dict[str, str]] = {
    forms.Field: {"required": NOTHING},
    forms.ChoiceField: {"invalid_choice": NO_CHOICE},
    forms.MultipleChoiceField: CHOICES,
    forms.ModelChoiceField: {"invalid_choice": NO_CHOICE},
    forms.ModelMultipleChoiceField: {**CHOICES, "invalid_pk_value": NO_CHOICE},
    forms.DateField: {"invalid": DAY},
    forms.DateTimeField: {"invalid": "Write a day and a time, such as 2027-01-31 18:00."},
    forms.TimeField: {"invalid": TIME},
    forms.SplitDateTimeField: {"invalid_date": DAY, "invalid_time": TIME},
    forms.DurationField: {
        "invalid": "Write a length of time, such as 12:00:00.",
        "overflow": "This time is too long or too short.",
    },
    forms.IntegerField: {"invalid": "Write a whole number."},
    forms.FloatField: {"invalid": NO_NUMBER},
    forms.DecimalField: {"invalid": NO_NUMBER},
    forms.URLField: {"invalid": "Write a whole address, such as https://example.com/page."},
    forms.UUIDField: {"invalid": "This is no id. Copy it whole."},
    forms.JSONField: {"invalid": "This is no JSON."},
    forms.MultiValueField: {"invalid": "Choose from the list.", "incomplete": "Fill in all parts."},
    forms.FilePathField: {"invalid_choice": NO_CHOICE},
    forms.FileField: {
        "invalid": NO_FILE,
        "missing": NO_FILE,
        "empty": "This file is empty. Choose another.",
        "max_length": "The file's name is too long: at most %(max)d characters.",
        "contradiction": "Choose a file, or tick the box that removes it: one of the two.",
    },
    forms.ImageField: {"invalid_image": "This file is no picture, or it is damaged."},
    forms.BaseFormSet: {
        "missing_management_form": "A part of this form did not arrive. Load the page again.",
        "too_many_forms": "These are too many at once: at most %(num)d.",
        "too_few_forms": "These are too few: at least %(num)d.",
    },
    models.Field: {
        "invalid_choice": NO_CHOICE,
        "null": NOTHING,
        "blank": NOTHING,
        "unique": "Another one has this already.",
        "unique_for_date": "Another one of this day has this already.",
    },
}
# By the class of a check, what it says.
CHECKS: dict[Any, str] = {
    validators.EmailValidator: "This is no e-mail address. Write it as name@example.com.",
    validators.URLValidator: "Write a whole address, such as https://example.com/page.",
    validators.ProhibitNullCharactersValidator: NULL,
    validators.MaxLengthValidator: TOO_LONG,
    validators.MinLengthValidator: "This is too short: at least %(limit_value)d characters.",
    validators.MaxValueValidator: "This is too much: at most %(limit_value)s.",
    validators.MinValueValidator: "This is too little: at least %(limit_value)s.",
    validators.StepValueValidator: "Write a multiple of %(limit_value)s.",
    validators.RegexValidator: "This has characters that can't be used here.",
    validators.DomainNameValidator: "Write a name such as example.com.",
    validators.FileExtensionValidator: "Choose a file of another kind: %(allowed_extensions)s.",
}
DECIMALS = {
    "invalid": NO_NUMBER,
    "max_digits": "This has too many digits: at most %(max)s.",
    "max_decimal_places": "Write at most %(max)s digits after the point.",
    "max_whole_digits": "This is too much: at most %(max)s digits before the point.",
}


def speak() -> None:
    """Set our sentences, before the first form is made."""
    for field, said in SAID.items():
        field.default_error_messages = {**field.default_error_messages, **said}
    for check, words in CHECKS.items():
        check.message = words
    validators.DecimalValidator.messages = DECIMALS
