"""What our forms say when they refuse something: none of it is Django's own sentence."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import django
import pytest
from django import forms
from django.core import validators
from django.forms import formsets
from django.urls import get_resolver

CATALOGUE = Path(django.__file__).parent / "conf" / "locale" / "en" / "LC_MESSAGES" / "django.po"
# Where the forms of our pages are.
OURS = ("accounts.", "apikeys.", "chatflows.", "allauth.account.forms")
pytestmark = pytest.mark.fast


def sentences() -> set[str]:
    """Return all of Django's own sentences, from its list of texts to translate."""
    text = re.sub(r'"\n"', "", CATALOGUE.read_text())
    found = re.findall(r'^msgid(?:_plural)? "(.+)"$', text, re.MULTILINE)
    return {each.replace('\\"', '"').replace("\\n", "\n") for each in found}


def every_form(base: type[Any] = forms.BaseForm) -> Iterator[type[Any]]:
    """Return every class of a form that is loaded."""
    for each in base.__subclasses__():
        if each.__module__.startswith(OURS):
            yield each
        yield from every_form(each)


def said(field: forms.Field) -> Iterator[str]:
    """Return what a field can say."""
    yield from map(str, field.error_messages.values())
    for check in field.validators:
        yield str(getattr(check, "message", ""))
        yield from map(str, getattr(check, "messages", {}).values())


def test_the_list_of_djangos_sentences_is_read() -> None:
    assert {"This field is required.", "Enter a valid URL.", "Enter a whole number."} <= sentences()


def test_no_field_of_a_form_says_djangos_own_sentence() -> None:
    known, found = sentences(), set()
    assert get_resolver().url_patterns  # with the pages their forms are loaded
    classes = {each for each in every_form() if hasattr(each, "base_fields")}
    assert len(classes) > 25
    for each in classes:
        for name, field in each.base_fields.items():
            found |= {(each.__name__, name, text) for text in said(field) if text in known}
    assert found == set()


def kinds_of_fields() -> list[type[forms.Field]]:
    fields = [each for each in vars(forms).values() if isinstance(each, type)]
    return [each for each in fields if issubclass(each, forms.Field)]


@pytest.mark.parametrize("kind", kinds_of_fields(), ids=lambda kind: kind.__name__)
def test_no_kind_of_field_begins_with_djangos_own_sentence(kind: type[forms.Field]) -> None:
    known = sentences()
    messages: dict[str, object] = {}
    for each in reversed(kind.__mro__):
        messages |= getattr(each, "default_error_messages", {})
    assert {str(each) for each in messages.values()} & known == set()


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (validators.MaxLengthValidator(3), "four"),
        (validators.MinLengthValidator(3), "a"),
        (validators.MaxValueValidator(3), 4),
        (validators.MinValueValidator(3), 1),
        (validators.EmailValidator(), "x"),
        (validators.URLValidator(), "x"),
        (validators.ProhibitNullCharactersValidator(), "\0"),
        (validators.DecimalValidator(3, 1), Decimal("1.234")),
    ],
    ids=lambda case: type(case).__name__,
)
def test_a_check_says_it_in_our_words(check: object, value: object) -> None:
    with pytest.raises(forms.ValidationError) as caught:
        check(value)  # type: ignore[operator]
    (sentence,) = caught.value.messages
    assert not sentence.startswith(("Ensure", "Enter", "This field", "Null"))


def test_a_set_of_forms_says_it_in_our_words() -> None:
    said_of_sets = formsets.BaseFormSet.default_error_messages.values()
    assert {str(each) for each in said_of_sets} & sentences() == set()
