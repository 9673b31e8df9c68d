"""A null that says nothing is refused: nobody loses a key by a value that was not found."""

import pytest

from accounts.models import Team
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from chatflows.models import Chatflow
from config.openapi import document
from tests import factories
from tests.apikeys.api.test_keys import errors_of
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


@pytest.fixture
def robot(acme: Team) -> Caller:
    verbs = ("create", "update")
    named = [
        f"{of}:{verb}" for of in ("service-accounts", "chatflows", "apikeys") for verb in verbs
    ]
    return caller(acme, *named, "predictions:create")


def test_a_missing_public_id_ends_no_text(acme: Team, robot: Caller) -> None:
    key, _ = factories.key(acme, "kept")
    answer = robot("POST", f"/apikey/{key.id}/revoke", {"public_id": None})
    assert "public_id" in errors_of(answer)
    assert len(key.live_secrets) == 1


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ("PATCH /apikey/{key}", "disabled"),
        ("POST /apikey/{key}/rotate", "expires_at"),
        ("PATCH /service-accounts/{account}", "disabled"),
        ("PATCH /service-accounts/{account}", "name"),
        ("PATCH /service-accounts/{account}", "description"),
        ("PATCH /service-accounts/{account}", "environment"),
        ("PATCH /chatflows/{flow}", "name"),
        ("PATCH /chatflows/{flow}", "engine"),
        ("PATCH /chatflows/{flow}", "settings"),
        ("PATCH /chatflows/{flow}", "secret"),
    ],
)
def test_nothing_is_ignored_and_called_done(
    acme: Team, faq: Chatflow, robot: Caller, call: str, field: str
) -> None:
    key, _ = factories.key(acme, "kept")
    account = service_accounts.create(acme, About("crm", "production"), TESTER)
    method, path = call.format(key=key.id, account=account.id, flow=faq.id).split(" ")
    assert field in errors_of(robot(method, path, {field: None}))


def test_the_document_takes_null_where_the_server_does() -> None:
    schemas = document.build()["components"]["schemas"]

    def takes_null(schema: str, field: str) -> bool:
        return '"null"' in str(schemas[schema]["properties"][field]).replace("'", '"')

    assert not takes_null("Revocation", "public_id")
    assert not takes_null("NewKey", "name")
    assert not takes_null("KeyChange", "disabled")
    assert takes_null("KeyChange", "note")
    assert takes_null("KeyChange", "service_account")
    assert takes_null("LimitsBody", "calls_per_day")


def test_a_link_that_is_null_makes_no_text(acme: Team, robot: Caller) -> None:
    assert "hand_over" in errors_of(robot("POST", "/apikey", {"name": "new", "hand_over": None}))
    assert not acme.api_keys.filter(name="new").exists()


@pytest.mark.parametrize("query", ["name=%00", "name=a%00b", "cursor=%00", "%00=a"])
def test_a_query_without_nul(robot: Caller, query: str) -> None:
    answer = robot("GET", f"/apikey?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("field", "value"),
    [("passphrase", "short"), ("holder", "a\nb"), ("holder", "Ve\u202era"), ("holder", "\u200b")],
)
def test_the_fields_of_a_link_are_named_as_they_were_sent(
    acme: Team, robot: Caller, field: str, value: str
) -> None:
    body = {"name": "new", "hand_over": {field: value}}
    assert errors_of(robot("POST", "/apikey", body)).keys() == {f"hand_over.{field}"}
    key, _ = factories.key(acme, "present")
    answer = robot("POST", f"/apikey/{key.id}/hand-over", {field: value})
    assert errors_of(answer).keys() == {field}
