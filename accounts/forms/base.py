"""What the forms of all apps share."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render


def posted(request: HttpRequest) -> QueryDict | None:
    """Return the fields of a POST, even if there are none, and None for any other method."""
    return request.POST if request.method == "POST" else None


def render_forms(
    request: HttpRequest, template: str, context: dict[str, Any], status: int | None = None
) -> HttpResponse:
    """Draw a page with its forms: 422 where one of them was sent and comes back refused.

    `status` says so where it is another: too many tries, or a form that was taken.
    """
    forms_of_page = [value for value in context.values() if isinstance(value, forms.BaseForm)]
    usual = 422 if any(form.is_bound for form in forms_of_page) else 200
    return render(request, template, context, status=status or usual)


def note(form: forms.Form, error: ValidationError) -> None:
    """Show what a service refused beside the fields that it names, and else above the form."""
    for field, words in error.message_dict.items():
        form.add_error(field if field in form.fields else None, words)


def searched(request: HttpRequest) -> str:
    """Return the text of the search field without NULs, which no database takes."""
    return request.GET.get("q", "").replace("\0", "").strip()


class StrictForm(forms.Form):
    """A form that refuses fields which it does not have, and fields that were sent twice."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse fields that the page never had."""
        if isinstance(self.data, QueryDict):
            foreign = set(self.data) - set(self.fields) - {"csrfmiddlewaretoken"}
            doubled = {name for name, values in self.data.lists() if len(values) > 1}
            if foreign or doubled:
                raise ValidationError("Something was added to this form, so nothing was done.")
        return super().clean()
