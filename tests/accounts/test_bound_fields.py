"""Fields of limits, networks and origins refuse odd values with the line or the bound named."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.bounds import NANOS, NO_LIMITS
from accounts.forms.bounds import limit_fields, limits_of, networks_field, origins_field

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("203.0.113.0/24\n203.0.113.7/24", "Line 2: 203.0.113.7 lies inside"),
        ("::ffff:203.0.113.0/120", "Line 1: write the IPv4 network itself"),
        ("0.0.0.0/0", "every address"),
        ("::/0", "every address"),
        ("anywhere", "such as 203.0.113.0/24"),
        ("fe80::1%eth0", "such as 203.0.113.0/24"),
        ("203.0.113.0/33", "such as 203.0.113.0/24"),
        ("\n".join(f"10.0.{n}.0/24" for n in range(51)), "These are 51"),
        ("\n".join(["10.0.0.0/24"] * 10_000), "at most 12000"),
    ],
)
def test_a_network_that_is_none_is_refused_by_its_line(lines: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        networks_field().clean(lines)


def test_networks_are_kept_once_and_in_one_spelling() -> None:
    cleaned = networks_field().clean(" 203.0.113.0/24 \r\n\r\n2001:DB8:40::/48\n203.0.113.0/24")
    assert cleaned == ["203.0.113.0/24", "2001:db8:40::/48"]


def test_an_origin_is_refused_by_its_line() -> None:
    with pytest.raises(ValidationError, match="Line 2: write each name out"):
        origins_field().clean("https://shop.example.com\nhttps://*.example.com")


@pytest.mark.parametrize("column", list(limit_fields()))
@pytest.mark.parametrize("value", ["0", "-1", str(2**63), "1e99", "NaN", "one", "0.001"])
def test_a_limit_that_is_none_is_refused(column: str, value: str) -> None:
    with pytest.raises(ValidationError):
        limit_fields()[column].clean(value)


def test_limits_come_out_as_the_row_holds_them() -> None:
    fields = limit_fields()
    cleaned: dict[str, Any] = {name: field.clean("") for name, field in fields.items()}
    assert limits_of(cleaned) == NO_LIMITS
    cleaned["limit_minute"] = fields["limit_minute"].clean("100")
    cleaned["limit_budget"] = fields["limit_budget"].clean("12.50")
    assert limits_of(cleaned) == NO_LIMITS._replace(minute=100, budget=12_500_000_000)
    assert fields["limit_budget"].prepare_value(12 * NANOS) == "12.00"


def test_a_limit_out_of_range_says_what_to_write() -> None:
    fields = limit_fields()
    for column, range_of in (("limit_minute", "1 to 1,000,000,000"), ("limit_budget", "0.01 to ")):
        for value in ("0", "9" * 12):
            with pytest.raises(ValidationError, match=range_of):
                fields[column].clean(value)
