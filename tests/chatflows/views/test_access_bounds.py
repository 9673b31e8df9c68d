"""The Access page's limits, price, networks and origins: saved, refused by name, never lost."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.bounds import MAX_CALLS, NANOS
from accounts.models import AuditEvent
from chatflows.calls.usage import day_of, month_of
from chatflows.models import Chatflow, PeriodCount
from tests.chatflows.views.pages import access, page

ALL = {
    "limit_minute": "600",
    "limit_streams": "40",
    "limit_day": "9000",
    "limit_month": "250000",
    "limit_tokens": "9000000",
    "limit_budget": "400",
    "limit_address": "30",
    "price": "1.80",
    "networks": "203.0.113.0/24\r\n2001:DB8:40::/48\r\n",
    "origins": "https://Shop.example\r\n",
}
HTMX = {"HX-Request": "true"}


def words(body: bytes) -> str:
    return re.sub(r"\s+", " ", body.decode())


def test_bounds_are_saved_in_one_spelling_and_written_down(as_alice: Client, faq: Chatflow) -> None:
    response = as_alice.post(page(faq.id, "chatflow_access_save"), access(faq, "keys", **ALL))
    assert response.status_code == 302
    faq.refresh_from_db()
    assert tuple(faq.limits) == (600, 40, 9000, 250_000, 9_000_000, 400 * NANOS)
    assert (faq.limit_address, faq.price) == (30, 1_800_000_000)
    assert faq.networks == ["203.0.113.0/24", "2001:db8:40::/48"]
    assert faq.origins == ["https://shop.example"]
    event = AuditEvent.objects.filter(team_id=faq.team_id).latest("sequence")
    assert event.before is not None
    assert event.after is not None
    assert "limit_minute" not in event.before
    assert event.after["limit_minute"] == 600
    assert (event.after["limit_budget"], event.after["price"]) == ("€400.00", "€1.80")
    assert event.after["networks"] == faq.networks
    body = words(as_alice.get(page(faq.id, "chatflow_access")).content)
    for value in ('value="600"', 'value="400.00"', 'value="1.80"', "https://shop.example"):
        assert value in body


def test_empty_fields_take_the_bounds_away(as_alice: Client, faq: Chatflow) -> None:
    as_alice.post(page(faq.id, "chatflow_access_save"), access(faq, "keys", **ALL))
    as_alice.post(page(faq.id, "chatflow_access_save"), access(faq, "keys"))
    faq.refresh_from_db()
    assert set(faq.limits) == {None}
    assert (faq.limit_address, faq.price, faq.networks, faq.origins) == (None, None, [], [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("limit_minute", value) for value in ("0", "-1", "1.5", "x", str(MAX_CALLS + 1))],
        *[("limit_tokens", value) for value in ("0", str(2**63), "9" * 500)],
        *[("limit_budget", value) for value in ("0", "-3", "0.001", "NaN", "Infinity", "1e400")],
        *[("price", value) for value in ("0", "-1", "many")],
        ("limit_address", "0"),
        *[("networks", value) for value in ("203.0.113.7/24", "::ffff:1.2.3.0/120", "0.0.0.0/0")],
        *[
            ("origins", f"https://good.example\n{value}")
            for value in ("*", "https://*.com", "javascript:alert(1)", "https://a.example/path")
        ],
        ("origins", "\n".join(f"https://a{n}.example" for n in range(10_000))),
        ("networks", "\n".join(f"192.0.2.{n}" for n in range(60))),
    ],
)
def test_a_wrong_bound_is_refused_by_name_and_what_was_typed_stays(
    as_alice: Client, faq: Chatflow, field: str, value: str
) -> None:
    before = Chatflow.objects.values().get()
    sent = {**ALL, field: value}
    for headers in ({}, HTMX):
        data = access(faq, "public", **sent)
        response = as_alice.post(page(faq.id, "chatflow_access_save"), data, headers=headers)
        assert response.status_code == 422
        body = words(response.content)
        assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', body)
        assert f'id="id_{field}_error"' in body
        assert len(re.findall(r'id="id_\w+_error"', body)) == 1
        other = "limit_streams"
        assert f'value="{ALL[other]}"' in body
        if "\n" in value and len(value) < 200:
            assert "Line 2" in body
    assert Chatflow.objects.values().get() == before


def test_a_budget_without_a_price_is_refused(as_alice: Client, faq: Chatflow) -> None:
    data = access(faq, "keys", limit_budget="5")
    response = as_alice.post(page(faq.id, "chatflow_access_save"), data)
    assert response.status_code == 422
    assert "A budget counts by the price of tokens." in response.content.decode()


def test_a_stale_form_keeps_what_was_typed_and_says_what_differs(
    as_alice: Client, faq: Chatflow
) -> None:
    mine = access(faq, "public", limit_minute="600", networks="192.0.2.0/24")
    as_alice.post(page(faq.id, "chatflow_access_save"), access(faq, "off", limit_minute="7"))
    response = as_alice.post(page(faq.id, "chatflow_access_save"), mine, headers=HTMX)
    assert response.status_code == 422
    body = words(response.content)
    assert 'value="600"' in body
    assert "192.0.2.0/24</textarea>" in body
    assert "7 now, 600 in your form" in body
    assert "off now, public in your form" in body
    faq.refresh_from_db()
    assert (faq.access_mode, faq.limit_minute) == ("off", 7)
    # Whoever has read that can put their own in its place.
    version = re.search(r'name="version" value="(\d+)"', body)
    assert version is not None
    again = as_alice.post(
        page(faq.id, "chatflow_access_save"), {**mine, "version": version[1]}, headers=HTMX
    )
    assert again.status_code == 200
    faq.refresh_from_db()
    assert (faq.access_mode, faq.limit_minute) == ("public", 600)


def test_use_stands_under_each_limit(as_alice: Client, faq: Chatflow) -> None:
    Chatflow.objects.update(limit_budget=400 * NANOS, price=NANOS)
    now = timezone.now()
    mine = {"team": faq.team, "subject": faq.id}
    PeriodCount.objects.create(**mine, period=day_of(now), calls=8310)
    PeriodCount.objects.create(
        **mine,
        period=month_of(now),
        calls=141_204,
        tokens=19_400_000,
        cost=212_480_000_000,
        reserved_cost=120_000_000,
    )
    body = words(as_alice.get(page(faq.id, "chatflow_access")).content)
    assert "8,310 today" in body
    assert "141,204 so far" in body
    assert "19,400,000 so far" in body
    assert "€212.60 used this month, 53 %; €0.12 of it is of calls that still run" in body


def test_the_page_says_when_its_reader_would_be_outside(as_alice: Client, faq: Chatflow) -> None:
    data = access(faq, "keys", networks="203.0.113.0/24", limit_minute="0")
    refused = as_alice.post(page(faq.id, "chatflow_access_save"), data)
    assert "You are at 127.0.0.1, which is outside." in words(refused.content)
    Chatflow.objects.update(networks=["127.0.0.0/8"])
    assert "outside" not in words(as_alice.get(page(faq.id, "chatflow_access")).content)


def test_what_callers_get_names_the_bounds(as_alice: Client, faq: Chatflow) -> None:
    plain = words(as_alice.get(page(faq.id, "chatflow_access")).content)
    assert "beyond a limit" not in plain
    Chatflow.objects.update(
        limit_address=5, networks=["192.0.2.0/24"], origins=["https://a.example"]
    )
    body = words(as_alice.get(page(faq.id, "chatflow_access")).content)
    for line in ("Whoever is beyond a limit", "From another network", "From another web page"):
        assert line in body
