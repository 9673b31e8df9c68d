"""The door of the management API: who is let in, and what others read."""

import pytest

from accounts.models import Team
from apikeys.models import ApiKey
from apikeys.services import keys
from chatflows.models import Chatflow
from tests import factories
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


def test_a_key_with_the_scope_is_let_in(acme: Team, default_key: ApiKey) -> None:
    answer = caller(acme, "apikeys:view")("GET", f"/apikey/{default_key.id}")
    assert answer.status_code == 200, answer.content
    assert answer.json()["name"] == "DefaultKey"
    assert answer.headers["ETag"].startswith('"1.')
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_a_key_the_answer_says_how_to_send_one(default_key: ApiKey) -> None:
    nobody = Caller("")
    answer = nobody.client.get(f"/api/v1/apikey/{default_key.id}")
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="flowlatch"'
    assert answer.json()["code"] == "missing_token"


def test_a_key_without_the_scope_reads_which_one_it_lacks(acme: Team, default_key: ApiKey) -> None:
    answer = caller(acme, "members:view")("GET", f"/apikey/{default_key.id}")
    assert answer.status_code == 403
    assert 'error="insufficient_scope", scope="apikeys:view"' in answer.headers["WWW-Authenticate"]


def test_a_foreign_id_looks_like_a_random_one(acme: Team, globex: Team) -> None:
    ours = caller(acme, "apikeys:view")
    theirs = ApiKey.objects.of(globex).get()
    foreign, random = (
        factories.without_id_and_time(ours("GET", f"/apikey/{key_id}"))
        for key_id in (theirs.id, factories.NOBODYS_ID)
    )
    assert foreign == random
    assert '"no_such_thing"' in foreign


def test_a_key_that_was_disabled_is_refused_by_the_next_call(
    acme: Team, default_key: ApiKey
) -> None:
    ours = caller(acme, "apikeys:view")
    assert ours.key is not None
    keys.disable(ours.key, TESTER)
    answer = ours("GET", f"/apikey/{default_key.id}")
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"


def test_a_publishable_key_is_no_key_here(acme: Team, faq: Chatflow, default_key: ApiKey) -> None:
    _, text = factories.publishable(acme, "widget", faq)
    answer = Caller(text)("GET", f"/apikey/{default_key.id}", origin=factories.ORIGIN)
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"


def test_a_session_is_no_key(as_alice, default_key: ApiKey) -> None:  # type: ignore[no-untyped-def]
    assert as_alice.get(f"/api/v1/apikey/{default_key.id}").status_code == 401


def test_a_wrong_method_is_a_problem_and_names_those_that_are_right(acme: Team) -> None:
    answer = caller(acme, "apikeys:view")("TRACE", f"/apikey/{factories.NOBODYS_ID}")
    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "GET" in answer.headers["Allow"]
