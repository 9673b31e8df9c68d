"""The search for keys: a pasted key is found by its public id, and the rest is kept nowhere."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Team
from apikeys import searches
from tests import factories
from tests.conftest import Integration

LIST = "/t/acme/keys/"
SEARCH = "/t/acme/keys/search/"
ID, REST = "Abc123Def456", "x1Y" * 16
TEXT = f"flk_sk_{ID}_{REST}"


@pytest.mark.fast
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (TEXT, ID),
        (f"  Bearer {TEXT}\r\n", ID),
        (f"Authorization: Bearer {TEXT}", ID),
        (f"flk_pk_{ID}_{REST}", ID),
        (TEXT[:40] + "\n" + TEXT[40:], ID),
        (TEXT[:12] + " \n" + TEXT[12:], ID),
        (f"flk_sk_{ID}", ID),
        ("flk_sk_Abc1…f456", "Abc1"),
        ("crm-sync", "crm-sync"),
        ("a name of several words", "a name of several words"),
        ("production-crm-sync-eu-west-1-nightly", "production-crm-sync-eu-west-1-nightly"),
        ("", ""),
        (REST, None),
        (f"{ID}_{REST}", None),
        (f"flk_sk_{ID}x_{REST}", None),
    ],
)
def test_of_a_key_only_the_public_id_is_kept(typed: str, kept: str | None) -> None:
    assert searches.searchable(typed) == kept


@pytest.mark.fast
@pytest.mark.parametrize("typed", [TEXT, "crm  sync", REST, "x" * 500, f"Bearer {TEXT} {REST}"])
def test_what_is_kept_is_kept_as_it_is(typed: str) -> None:
    once = searches.searchable(typed) or ""
    assert searches.searchable(once) == once
    assert REST[:20] not in once


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["{}", "Bearer {}", "  {}\r\n"])
def test_a_pasted_key_is_found_and_stands_in_no_url_and_no_statement(
    as_vera: Client, integration: Integration, form: str, capfd: Any
) -> None:
    _, _, public_id, secret = integration.text.split("_")
    with CaptureQueriesContext(connection) as captured:
        answer = as_vera.post(SEARCH, {"q": form.format(integration.text)})
        page = as_vera.get(answer["Location"])
    assert answer["Location"] == f"{LIST}?q={public_id}&show=all"
    assert "crm-sync" in page.content.decode()
    said = str(captured.captured_queries) + "".join(capfd.readouterr()) + page.content.decode()
    assert secret not in said + str(answer.headers) + str(dict(as_vera.session))
    assert secret not in factories.dump()


@pytest.mark.django_db
def test_a_whole_key_in_the_address_is_not_echoed(
    as_vera: Client, integration: Integration
) -> None:
    _, _, public_id, secret = integration.text.split("_")
    answer = as_vera.get(LIST, {"q": integration.text})
    assert answer.status_code == 302
    assert answer["Location"] == f"{LIST}?q={public_id}&show=all"
    part = as_vera.get(LIST, {"q": secret}, follow=True)
    assert secret not in part.content.decode() + str(part.redirect_chain)


@pytest.mark.django_db
def test_a_key_of_another_team_is_like_one_that_never_was(
    as_alice: Client, integration: Integration, globex: Team
) -> None:
    _, foreign = factories.key(globex, "theirs")
    pages = []
    for text in (foreign, TEXT):
        page = as_alice.post(SEARCH, {"q": text}, follow=True)
        body = factories.without_id_and_time(page)  # type: ignore[arg-type]
        public_id = text.split("_")[2]
        assert "it is not a key of this team" in body
        body = re.sub(r'csrfmiddlewaretoken" value="\w+"', "", body.replace(public_id, ""))
        pages.append(body.partition("<main")[2])
    assert pages[0] == pages[1]


@pytest.mark.django_db
def test_the_search_is_posted(as_alice: Client, integration: Integration) -> None:
    body = as_alice.get(LIST).content.decode()
    assert f'method="post" action="{SEARCH}"' in body
    assert as_alice.get(SEARCH)["Location"] == LIST
    kept = as_alice.post(SEARCH, {"q": "crm", "show": "active"})
    assert kept["Location"] == f"{LIST}?q=crm&show=active"
