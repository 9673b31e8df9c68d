"""The Engine page: choose what answers, try the connection, keep the secret to one origin."""

import re
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent
from chatflows.models import Chatflow, UpstreamSecret
from chatflows.services import engines
from tests import factories
from tests.forms import send

SECRET = "sk-upstream-0123456789"
FLOW = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"
FLOWISE = {
    "engine": "flowise",
    "flowise-base_url": "http://127.0.0.1:3000",
    "flowise-flow_id": FLOW,
}
OPENAI = {
    "engine": "openai",
    "openai-base_url": "http://127.0.0.1:11434/v1",
    "openai-model": "llama3.2",
}
HTMX = {"HX-Request": "true"}


def url(chatflow_id: UUID, name: str) -> str:
    return reverse(name, args=["acme", chatflow_id])


@pytest.fixture
def flowise(as_alice: Client, faq: Chatflow) -> Chatflow:
    """A chatflow with a Flowise engine and its secret."""
    send(as_alice, url(faq.id, "engine_save"), {**FLOWISE, "flowise-secret": SECRET})
    faq.refresh_from_db()
    return faq


def test_an_engine_is_chosen_with_its_settings(as_alice: Client, faq: Chatflow) -> None:
    more = {"openai-system_prompt": "Be brief.", "openai-temperature": "0.2"}
    response = send(as_alice, url(faq.id, "engine_save"), {**OPENAI, **more}, follow=True)
    assert "The engine is saved" in response.content.decode()
    faq.refresh_from_db()
    assert faq.engine == "openai"
    assert faq.engine_config["model"] == "llama3.2"
    assert faq.engine_config["temperature"] == 0.2
    body = as_alice.get(url(faq.id, "chatflow_engine")).content.decode()
    assert 'value="llama3.2"' in body
    assert "Be brief." in body
    assert "Questions and answers</h2>" not in body
    assert AuditEvent.objects.latest("sequence").action == "chatflow.set_engine"


def test_and_back_to_the_faq(as_alice: Client, flowise: Chatflow) -> None:
    send(as_alice, url(flowise.id, "engine_save"), {"engine": "faq"})
    flowise.refresh_from_db()
    assert (flowise.engine, flowise.engine_config) == ("faq", {})
    assert not UpstreamSecret.objects.exists()
    assert b"Questions and answers</h2>" in as_alice.get(url(flowise.id, "chatflow_engine")).content


def test_a_secret_is_write_only(as_alice: Client, as_vera: Client, flowise: Chatflow) -> None:
    for browser in (as_alice, as_vera):
        body = browser.get(url(flowise.id, "chatflow_engine")).content.decode()
        assert "set, for http://127.0.0.1:3000" in body
        assert SECRET not in body
    refused = send(
        as_alice,
        url(flowise.id, "engine_save"),
        {**FLOWISE, "flowise-flow_id": "x", "flowise-secret": SECRET},
    )
    assert refused.status_code == 422
    assert SECRET not in refused.content.decode()
    facts = AuditEvent.objects.values_list("before", "after")
    assert SECRET not in str(list(facts))


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, True),
        ({"flowise-flow_id": FLOW.replace("0", "1")}, True),
        ({"flowise-clear_secret": "on"}, False),
        ({"flowise-clear_secret": "on", "flowise-secret": "new"}, False),
        ({"flowise-base_url": "http://127.0.0.1:3001"}, False),
        ({"flowise-base_url": "https://127.0.0.1:3000"}, False),
    ],
    ids=["same", "flow", "tick", "tick-wins", "port", "scheme"],
)
def test_a_secret_stays_with_its_origin(
    as_alice: Client, flowise: Chatflow, change: dict[str, str], kept: bool
) -> None:
    response = send(as_alice, url(flowise.id, "engine_save"), {**FLOWISE, **change})
    assert response.status_code == 302
    assert UpstreamSecret.objects.exists() is kept


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "Fill this in"),
        ({"engine": "telepathy"}, "Choose one of the list"),
        ({"engine": "flowise"}, "Write the address of the server."),
        ({**FLOWISE, "flowise-flow_id": "x"}, "has the form"),
        ({**FLOWISE, "flowise-base_url": "ftp://x"}, "http"),
        ({**FLOWISE, "flowise-base_url": "http://127.0.0.1:3000/api/v1/x"}, "Leave out"),
        ({**FLOWISE, "flowise-base_url": "http://10.0.0.1"}, "address"),
        ({**FLOWISE, "flowise-secret": "two words"}, "one word"),
        ({**FLOWISE, "flowise-secret": "ab" * 500}, "repeats one pattern"),
        ({**OPENAI, "openai-model": ""}, "model"),
        ({**OPENAI, "openai-temperature": "warm"}, "not a number"),
        ({**OPENAI, "openai-temperature": "3"}, "from 0 to 2"),
        ({**OPENAI, "openai-max_tokens": "0"}, "whole number"),
        ({**OPENAI, "openai-memory_turns": "51"}, "from 0 to 50"),
        ({**OPENAI, "openai-system_prompt": "x" * 20_001}, "At most"),
        ({**OPENAI, "openai-model": "<script>alert(1)</script> x"}, "model"),
    ],
    ids=lambda v: str(v)[-40:],
)
def test_a_wrong_engine_is_refused_with_the_field_and_changes_nothing(
    as_alice: Client, faq: Chatflow, data: dict[str, str], says: str
) -> None:
    response = send(as_alice, url(faq.id, "engine_save"), data)
    assert response.status_code == 422
    assert says in response.content.decode()
    assert b"<script>alert" not in response.content
    assert Chatflow.objects.get(pk=faq.pk).engine == "faq"


def test_what_was_typed_stays_in_a_refused_form(as_alice: Client, faq: Chatflow) -> None:
    data = {**OPENAI, "openai-model": "kept-model", "openai-temperature": "warm"}
    body = send(as_alice, url(faq.id, "engine_save"), data).content.decode()
    assert 'value="kept-model"' in body
    assert re.search(r'value="openai" autocomplete="off"\s+checked', body)


def test_the_connection_is_tested_as_typed_and_nothing_is_saved(
    as_alice: Client, faq: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Any] = []

    def test_connection(*arguments: Any) -> tuple[bool, str]:
        tried.append(arguments[1:])
        return True, "The server lists the model."

    monkeypatch.setattr(engines, "test_connection", test_connection)
    data = {**OPENAI, "openai-secret": SECRET}
    for headers in ({}, HTMX):
        response = send(as_alice, url(faq.id, "engine_test"), data, headers=headers)
        assert response.status_code == 200
        body = response.content.decode()
        assert "The server lists the model." in body
        assert ("<html" in body) is not bool(headers)
        assert SECRET not in body
    engine, config, secret = tried[0]
    assert (engine, config["model"], secret) == ("openai", "llama3.2", SECRET)
    assert Chatflow.objects.get(pk=faq.pk).engine == "faq"


OTHER = FLOW.replace("0", "1")


@pytest.mark.parametrize(
    ("base_url", "flow_id"),
    [
        (f"http://127.0.0.1:3001/v2/agentcanvas/{OTHER}?x#y", FLOW),  # the field as it was shown
        (f"http://127.0.0.1:3001/canvas/{OTHER}/", ""),
        (f"http://127.0.0.1:3001/canvas/{OTHER.upper()}", OTHER),
        ("http://127.0.0.1:3000", f"http://127.0.0.1:3001/chatbot/{OTHER}"),
        ("", f'chatflowid: "{OTHER}", apiHost: "http://127.0.0.1:3001"'),
        ("http://127.0.0.1:3001/", f"/agentcanvas/{OTHER}"),
        (f"http://127.0.0.1:3001/canvas/{OTHER}", f"http://127.0.0.1:3001/canvas/{OTHER}"),
    ],
)
def test_a_pasted_address_is_taken_apart(
    as_alice: Client, flowise: Chatflow, base_url: str, flow_id: str
) -> None:
    data = {**FLOWISE, "flowise-base_url": base_url, "flowise-flow_id": flow_id}
    assert send(as_alice, url(flowise.id, "engine_save"), data).status_code == 302
    flowise.refresh_from_db()
    assert flowise.engine_config == {"base_url": "http://127.0.0.1:3001", "flow_id": OTHER}
    assert not UpstreamSecret.objects.exists()  # it was for another origin


@pytest.mark.parametrize(
    ("base_url", "flow_id", "says"),
    [
        (f"http://127.0.0.1:3000/canvas/{FLOW}", OTHER, "another flow"),
        ("http://127.0.0.1:3001", f"http://127.0.0.1:3002/canvas/{FLOW}", "another server"),
        (f"http://127.0.0.1:3000/canvas/{FLOW}", f"/canvas/{OTHER}", "another flow"),
        (f"127.0.0.1:3000/canvas/{FLOW}", "", "http"),
        (f"http://10.0.0.1/canvas/{FLOW}", "", "address"),
        (f"http://user:pw@127.0.0.1:3000/canvas/{FLOW}", "", "password"),
    ],
)
def test_a_pasted_address_that_does_not_fit_is_refused_and_kept(
    as_alice: Client, faq: Chatflow, base_url: str, flow_id: str, says: str
) -> None:
    data = {**FLOWISE, "flowise-base_url": base_url, "flowise-flow_id": flow_id}
    response = send(as_alice, url(faq.id, "engine_save"), data)
    body = response.content.decode()
    assert response.status_code == 422
    assert says in body
    assert f'value="{base_url}"' in body
    assert not flow_id or f'value="{flow_id}"' in body
    assert Chatflow.objects.get(pk=faq.pk).engine == "faq"


@pytest.mark.parametrize("data", [{}, {"engine": "faq"}, {"engine": "flowise"}, {"engine": "x"}])
def test_a_test_of_nothing_says_so(as_alice: Client, faq: Chatflow, data: dict[str, str]) -> None:
    for name in ("engine_test", "engine_models"):
        for headers in ({}, HTMX):
            response = send(as_alice, url(faq.id, name), data, headers=headers)
            assert response.status_code == 200


@pytest.mark.parametrize("secret", ["two words", "ab" * 500])
def test_a_secret_that_is_no_key_is_sent_nowhere(
    as_alice: Client, faq: Chatflow, secret: str
) -> None:
    data = {**OPENAI, "openai-base_url": "http://127.0.0.1:9/v1", "openai-secret": secret}
    for name in ("engine_test", "engine_models"):
        for headers in ({}, HTMX):
            body = send(as_alice, url(faq.id, name), data, headers=headers).content.decode()
            assert "one word" in body or "no key" in body
            assert "be reached" not in body


def test_a_server_that_is_away_is_one_sentence(as_alice: Client, faq: Chatflow) -> None:
    data = {**OPENAI, "openai-base_url": "http://127.0.0.1:9/v1"}
    response = send(as_alice, url(faq.id, "engine_test"), data, headers=HTMX)
    assert "Not connected" in response.content.decode()
    models = send(as_alice, url(faq.id, "engine_models"), data, headers=HTMX)
    assert "be reached" in models.content.decode()


def test_the_models_of_the_server_are_suggested(
    as_alice: Client, faq: Chatflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["llama3.2", "<script>alert(1)</script>"]
    monkeypatch.setattr(engines, "list_models", lambda *_: (names, ""))
    response = send(as_alice, url(faq.id, "engine_models"), OPENAI, headers=HTMX)
    body = response.content.decode()
    assert '<option value="llama3.2">' in body
    assert "The server lists 2 models." in body
    assert "<script>alert" not in body


def test_vera_sees_the_settings_and_changes_nothing(as_vera: Client, flowise: Chatflow) -> None:
    before = factories.state()
    assert FLOW in as_vera.get(url(flowise.id, "chatflow_engine")).content.decode()
    for name in ("engine_save", "engine_test", "engine_models"):
        assert as_vera.post(url(flowise.id, name), OPENAI).status_code == 403
    assert factories.state() == before
