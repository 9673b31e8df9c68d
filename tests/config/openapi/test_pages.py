"""The pages of the API: viewer, text for assistants, and how to begin."""

import pytest
from django.test import Client

from accounts.models import Team, User
from apikeys.services import keys
from config.openapi import developer, document
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


def test_the_viewer_comes_from_our_own_files_under_the_strict_policy() -> None:
    answer = Client().get("/api/docs")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "ninja/swagger-ui-bundle.js" in page
    assert "http" not in page.replace("https://flowlatch", "").replace("http://www.w3.org", "")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_the_viewer_has_the_theme_of_the_person(as_alice: Client, alice: User) -> None:
    assert 'content="light dark"' in Client().get("/api/docs").content.decode()
    User.objects.filter(pk=alice.pk).update(theme="dark")
    assert 'data-theme="dark"' in as_alice.get("/api/docs").content.decode()


def test_the_text_for_assistants_names_every_operation() -> None:
    text = Client().get("/llms.txt").content.decode()
    for path, methods in document.build()["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}: " in text


def test_the_developer_page_names_every_scope_with_the_roles_that_may_give_it(
    acme: Team, as_vera: Client
) -> None:
    page = as_vera.get(f"/t/{acme.slug}/developer/").content.decode()
    rows = {str(row.scope): row for row in developer.scopes()}
    for row in rows.values():
        assert f"<code>{row.scope}</code>" in page
        assert f'<th scope="rowgroup" colspan="4">{row.group}</th>' in page
    assert rows["audit:view"].roles == "Owner, admin"
    assert "Your role makes no keys" in page


def test_the_developer_page_leads_to_the_strong_keys_that_a_person_made(
    acme: Team,
    alice: User,
    as_alice: Client,
) -> None:
    keys.add(acme, "provisioning", TESTER, scopes=["apikeys:view"], created_by=alice)
    keys.add(acme, "asks only", TESTER, created_by=alice)
    page = as_alice.get(f"/t/{acme.slug}/developer/").content.decode()
    assert "provisioning</a>" in page
    assert "asks only</a>" not in page
