"""Values of settings: taken as they are meant, or refused with their name and nothing else."""

from collections.abc import Callable
from ipaddress import ip_network

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import values

pytestmark = pytest.mark.fast


@pytest.fixture
def set_to(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_all(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_all


SetTo = Callable[..., None]


def refused(read: Callable[[], object]) -> str:
    with pytest.raises(ImproperlyConfigured) as error:
        read()
    assert "hush" not in str(error.value)
    assert error.value.__cause__ is None
    return str(error.value)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("$DOMAIN", "a.example"),
        ("${DOMAIN}", "a.example"),
        ("https://$DOMAIN:8443", "https://a.example:8443"),
        ("$OTHER", "a.example"),
        (" plain ", "plain"),
        ("$", "$"),
        ("a$ b", "a$ b"),
    ],
)
def test_a_variable_stands_for_what_it_says(set_to: SetTo, value: str, meaning: str) -> None:
    set_to(PUBLIC_URL=value, DOMAIN="a.example", OTHER="${DOMAIN}")
    assert values.text("PUBLIC_URL") == meaning


@pytest.mark.parametrize("value", ["$DOMAIN", "${DOMAIN}", "https://$DOMAIN", "$DOMAIN/x"])
@pytest.mark.parametrize("domain", [None, "", " "])
def test_a_variable_that_is_not_set_stops(set_to: SetTo, value: str, domain: str | None) -> None:
    set_to(PUBLIC_URL=value, **({} if domain is None else {"DOMAIN": domain}))
    told = refused(lambda: values.text("PUBLIC_URL", "http://default.example"))
    assert told == "PUBLIC_URL names the variable DOMAIN, which is not set."


def test_variables_in_a_circle_stop(set_to: SetTo) -> None:
    set_to(HOST="$HOST", A="$B", B="$A", PUBLIC_URL="$A")
    assert "circle" in refused(lambda: values.text("HOST"))
    assert "circle" in refused(lambda: values.text("PUBLIC_URL"))


def test_the_dollar_of_a_password_is_only_a_dollar(set_to: SetTo) -> None:
    for value in ("$granite", "${granite}", "gra$nite", " $ # ", "$$"):
        set_to(OWNER_PASSWORD=value)
        assert values.exact("OWNER_PASSWORD") == value
    set_to(DATABASE_URL="postgres://u:$hush@h/d")
    assert values.secret_url("DATABASE_URL") == "postgres://u:$hush@h/d"
    set_to(DATABASE_URL="postgres://u:${PASSWORD}@h/d", PASSWORD="hush")
    assert values.secret_url("DATABASE_URL") == "postgres://u:hush@h/d"
    set_to(DATABASE_URL="$WHOLE", WHOLE="postgres://u:$hush@h/d")
    assert values.secret_url("DATABASE_URL") == "postgres://u:$hush@h/d"
    set_to(DATABASE_URL="postgres://u:${MISSING}@h/d")
    told = refused(lambda: values.secret_url("DATABASE_URL"))
    assert told == (
        "DATABASE_URL names a variable that is not set. Write a $ of a password as %24."
    )


@pytest.mark.parametrize(
    "url", ["postgres://u:pa${hushWord9}x@h/db", "${hush}", "$hush", "smtp://${hush}:x@h"]
)
def test_a_name_in_an_address_is_never_quoted(set_to: SetTo, url: str) -> None:
    for name in ("DATABASE_URL", "EMAIL_URL", "LIMITS_URL"):
        set_to(**{name: url})
        refused(lambda name=name: values.secret_url(name))  # type: ignore[misc]


def test_what_was_put_in_is_taken_as_it_is(set_to: SetTo) -> None:
    whole = "postgres://u:pa${hushWord9}x@h/db"
    set_to(DATABASE_URL="$WHOLE", EMAIL_URL="smtp://u:${PART}@h", WHOLE=whole, PART="${hush}$PART")
    assert values.secret_url("DATABASE_URL") == whole
    assert values.secret_url("EMAIL_URL") == "smtp://u:${hush}$PART@h"
    set_to(PUBLIC_URL="https://$PART")
    refused(lambda: values.text("PUBLIC_URL"))


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_value_is_not_set(set_to: SetTo, value: str) -> None:
    set_to(PORT=value, WORKER=value, DEBUG=value, HOST=value, TRUSTED_PROXIES=value)
    assert values.number("PORT", 8000) == 8000
    assert values.choice("WORKER", "internal", "external") == "internal"
    assert values.is_on("DEBUG") is False
    assert values.text("HOST", "127.0.0.1") == "127.0.0.1"
    assert values.networks("TRUSTED_PROXIES") == ()
    assert values.networks("TRUSTED_PROXIES", "10.0.0.0/8") == (), "set and empty closes"
    assert values.networks("UNSET", "10.0.0.0/8") == (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize("value", ["0", "-1", "65536", "80.0", "1_0", "\u0661", "hush", "9" * 400])
def test_what_is_no_number_in_its_bounds_stops(set_to: SetTo, value: str) -> None:
    set_to(PORT=value)
    told = refused(lambda: values.number("PORT", 8000, most=65535))
    assert told == "PORT must be a whole number from 1 to 65535."


def test_what_is_no_choice_stops(set_to: SetTo) -> None:
    set_to(DEBUG="hush", WORKER="hush")
    assert refused(lambda: values.is_on("DEBUG")) == "DEBUG must be true or false."
    told = refused(lambda: values.choice("WORKER", "internal", "external"))
    assert told == "WORKER must be internal or external."


def test_what_is_not_utf_8_stops_without_being_quoted(set_to: SetTo) -> None:
    set_to(OWNER_PASSWORD="hush\udce4")
    assert refused(lambda: values.exact("OWNER_PASSWORD")) == "OWNER_PASSWORD is not UTF-8."


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("127.0.0.1", ["127.0.0.1/32"]),
        (" 10.0.0.0/8 , ::1,,", ["10.0.0.0/8", "::1/128"]),
        ("[::1]", ["::1/128"]),
        ("::ffff:10.0.0.1", ["10.0.0.1/32"]),
        ("::ffff:10.0.0.0/104", ["10.0.0.0/8"]),
        ("::/0", ["::/0"]),
    ],
)
def test_networks_are_read_as_addresses_are(set_to: SetTo, value: str, expected: list[str]) -> None:
    set_to(TRUSTED_PROXIES=value)
    assert values.networks("TRUSTED_PROXIES") == tuple(map(ip_network, expected))


@pytest.mark.parametrize("value", ["hush", "10.0.0.1/8", "10.0.0.1:80", "fe80::1%eth0", "1", "a b"])
def test_what_is_no_network_stops_with_its_place(set_to: SetTo, value: str) -> None:
    set_to(TRUSTED_PROXIES=f"127.0.0.1,{value}")
    told = refused(lambda: values.networks("TRUSTED_PROXIES"))
    assert told.startswith("TRUSTED_PROXIES must be ")
    assert "Number 2 " in told


def test_a_currency_is_a_code_of_iso_4217(set_to: SetTo) -> None:
    assert values.currency("SET", "EUR") == "EUR"
    for given in ("USD", "usd", " jpy "):
        set_to(SET=given)
        assert values.currency("SET", "EUR") == given.strip().upper()


@pytest.mark.parametrize("given", ["hush", "EURO", "E", "\u20ac", "XAU", "XXX", "123", "EUR,USD"])
def test_what_is_no_currency_is_refused(set_to: SetTo, given: str) -> None:
    set_to(SET=given)
    said = refused(lambda: values.currency("SET", "EUR"))
    assert said == "SET must be the code of a currency in ISO 4217, such as EUR, USD or GBP."
