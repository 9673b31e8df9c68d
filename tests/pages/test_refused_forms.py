"""Each form of each page, sent empty and sent too long: the error stands at its field.

Browsers don't check these forms themselves (`novalidate`), so the server's words must be found: the
field says that it is wrong and names its error, and what was typed is there again.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.architecture import test_query_budget as budget
from tests.pages.forms import Field, Form, Page

pytestmark = pytest.mark.django_db

# Forms that may be sent empty: each of their fields may be.
MAY_BE_EMPTY = re.compile(r"/(limits|where-from|access|fallback|rotate|members/\d+/keys)/$")
# What is not drawn again: a key's text, and fields of the kind of engine that was not chosen.
NEVER_DRAWN = {"key": "text", "save": "openai-"}
# Choices that make a form ask for more of its fields.
CHOSEN = {"way": "link", "until": "date", "expires": "date", "engine": "flowise", "mode": "keys"}
Case = tuple[Client, str, Form]


def forms_of_pages(many: budget.Many) -> Iterator[Case]:
    """Return each form with typed fields of the pages in BUDGET, once."""
    browsers = dict.fromkeys(budget.VISITORS, budget.visitor(many.team))
    browsers |= {name: Client() for name in budget.NOBODYS}
    alice, seen = budget.owner(), set()
    for name in budget.BUDGET:
        browser, address = browsers.get(name, alice), many.url(name)
        response = browser.get(address)
        if response.status_code != 200:
            continue  # it leads to another page of the list
        for form in Page(response.content.decode(), address).forms:
            names = (form.action, *(field.name for field in form.typed))
            if form.typed and not form.is_search and names not in seen:
                seen.add(names)
                yield browser, address, form


def too_long(field: Field) -> str:
    """Return more than a field takes."""
    if field.attributes.get("type") == "number":
        return "9" * 40
    return "x" * max(6_000, int(field.attributes.get("maxlength", "0")) + 1)


def sent(browser: Client, form: Form, values: dict[str, str]) -> tuple[Any, Page]:
    data = {**form.sent, **{name: [value] for name, value in values.items()}}
    data |= {name: [value] for name, value in CHOSEN.items() if name in data}
    response = browser.post(form.action, data)
    return response, Page(response.content.decode(), form.action)


def faults(response: Any, page: Page, values: dict[str, str]) -> list[str]:
    """Say what is wrong with the page of a refused form."""
    wrong = [field for field in page.fields if field.attributes.get("aria-invalid") == "true"]
    found = [] if response.status_code == 422 else [f"status {response.status_code}"]
    found += [] if wrong else ["no field is marked"]
    for field in wrong:
        named = set(field.attributes.get("aria-describedby", "").split())
        if not any(name.endswith("error") for name in named) or not named <= page.ids:
            found.append(f"{field.name} does not name its error")
    for name, value in values.items():
        drawn = [field for field in page.fields if field.name == name]
        is_kept = any(field.value.strip() == value for field in drawn)
        if not is_kept and not any(is_hidden_again(field) for field in drawn):
            found.append(f"{name} is lost")
    return found


def is_hidden_again(field: Field) -> bool:
    """Whether a field is never drawn with a value: passwords and secrets."""
    return field.attributes.get("type") == "password" or "secret" in field.name


@pytest.fixture
def cases() -> list[Case]:
    many = budget.few()
    many.grow(range(1))
    found = [*forms_of_pages(many)]
    assert len(found) >= 25
    return found


def test_what_is_too_long_is_said_at_its_field_and_kept(cases: list[Case]) -> None:
    said = {}
    for browser, address, form in cases:
        values = {field.name: too_long(field) for field in form.typed}
        response, page = sent(browser, form, values)
        hidden = NEVER_DRAWN.get(form.action.rstrip("/").rpartition("/")[2], "-")
        values = {name: value for name, value in values.items() if not name.startswith(hidden)}
        if found := faults(response, page, values):
            said[f"{form.action} on {address}"] = found
    assert said == {}, said


def test_what_lacks_is_said_at_its_field(cases: list[Case]) -> None:
    said = {}
    for browser, address, form in cases:
        response, page = sent(browser, form, {field.name: "" for field in form.typed})
        may_be_empty = response.status_code in (200, 302) and MAY_BE_EMPTY.search(form.action)
        found = [] if may_be_empty else faults(response, page, {})
        if found:
            said[f"{form.action} on {address}"] = found
    assert said == {}, said
