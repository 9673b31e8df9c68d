"""A Flowise on PostgreSQL: camel-case columns, ids of the type uuid, logins that are refused."""

from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from chatflows.services.flowise_imports import databases
from chatflows.services.flowise_imports.sources import Unreadable
from tests.chatflows.flowise_imports import shapes
from tests.chatflows.flowise_imports.shapes import SHOP

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the tests' database is SQLite"),
    pytest.mark.django_db,
]

TEXT = shapes.text()
TABLES = """
CREATE TABLE chat_flow (id uuid, name varchar, "flowData" text, apikeyid varchar, type varchar,
    "chatbotConfig" varchar, "apiConfig" varchar);
CREATE TABLE apikey (id uuid, "apiKey" varchar, "apiSecret" varchar, "keyName" varchar);
"""
KEY_ID = "8274a95f-9a02-4ed1-81d2-90f13b8b678a"


@pytest.fixture
def url() -> Iterator[str]:
    """A database of Flowise's, beside that of the tests."""
    config = connection.settings_dict
    login = f"{config['USER']}:{quote(config['PASSWORD'], safe='')}"
    at = f"postgres://{login}@{config['HOST']}:{config['PORT']}"
    name = f"flowise_{config['NAME']}"
    with psycopg.connect(f"{at}/postgres", autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{at}/{name}"
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            admin.execute(drop.format(sql.Identifier(name)))


def test_flows_and_keys_are_read(url: str) -> None:
    with psycopg.connect(url) as made:
        made.execute(TABLES)
        made.execute(
            "INSERT INTO chat_flow (id, name, apikeyid) VALUES (%s, 'Shop', %s)", [SHOP, KEY_ID]
        )
        row = [KEY_ID, TEXT, shapes.api_secret(TEXT)]
        made.execute("INSERT INTO apikey VALUES (%s, %s, %s, 'crm-sync')", row)
    found = databases.read_postgres(url)
    assert [(flow.id, flow.name, flow.key_id) for flow in found.flows] == [(SHOP, "Shop", KEY_ID)]
    assert [(key.name, key.ids) for key in found.keys] == [("crm-sync", frozenset({KEY_ID}))]


def test_a_foreign_database_and_a_refused_login_are_one_line_without_the_login(url: str) -> None:
    with pytest.raises(Unreadable, match="no chatflows of Flowise"):
        databases.read_postgres(url)
    wrong = url.replace("//flowlatch:", "//nobody-here:")
    with pytest.raises(Unreadable, match="refuses the login") as refused:
        databases.read_postgres(wrong)
    assert "nobody-here" not in str(refused.value)
