"""Money: amounts as pages write them."""

import pytest
from django.template import Context, Template
from pytest_django import Settings

from accounts import money
from accounts.bounds import MAX_MONEY, NANOS

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("nanos", "code", "words"),
    [
        (0, "EUR", "€0.00"),
        (1, "EUR", "under €0.01"),
        (NANOS // 100 - 1, "GBP", "under £0.01"),
        (NANOS // 100, "USD", "$0.01"),
        (1_999_999_999, "EUR", "€1.99"),
        (212_600_000_000, "EUR", "€212.60"),
        (1_234_567 * NANOS, "CHF", "CHF 1,234,567.00"),
        (180 * NANOS, "JPY", "¥180"),
        (NANOS // 2, "JPY", "under ¥1"),
        (5 * NANOS, "SEK", "SEK 5.00"),
        (MAX_MONEY, "EUR", "€1,000,000,000.00"),
    ],
)
def test_an_amount_is_written_with_its_sign(nanos: int, code: str, words: str) -> None:
    assert money.written(nanos, code) == words


def test_every_sign_and_every_whole_currency_is_of_a_known_code() -> None:
    assert set(money.SYMBOLS) | money.WHOLE <= money.CODES


def test_pages_write_the_currency_of_the_installation(settings: Settings) -> None:
    settings.CURRENCY = "GBP"
    page = Template("{% load ui %}{% currency %} {{ nanos|money }} {{ none|money }}")
    assert page.render(Context({"nanos": 3 * NANOS, "none": None})) == "£ £3.00 £0.00"
