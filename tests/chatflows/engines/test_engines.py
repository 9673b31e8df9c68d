"""Engines as a service: what is saved, what is cleared, what is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import AuditEvent
from accounts.permissions import Actor
from chatflows.engines.configs import InvalidConfig
from chatflows.models import Chatflow, UpstreamSecret
from chatflows.services import engines
from tests import factories
from tests.chatflows.engines.upstreams import FLOW, KEY, Flowise, Host, OpenAI, hosting

pytestmark = pytest.mark.django_db

BASE = "http://127.0.0.1:3000"
FLOWISE = {"base_url": BASE, "flow_id": FLOW}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with hosting() as running:
        yield running


def secret_of(chatflow: Chatflow, origin: str = BASE) -> str:
    return engines._stored_secret(chatflow, origin)


def test_an_engine_is_saved_with_its_secret_and_an_audit_row(
    faq: Chatflow, by_alice: Actor
) -> None:
    version = faq.engine_version
    engines.save(faq, "flowise", FLOWISE, "s3cr3t-canary", by_alice)
    assert (faq.engine, faq.engine_config) == ("flowise", FLOWISE)
    assert faq.engine_version == version + 1
    assert secret_of(faq) == "s3cr3t-canary"
    event = AuditEvent.objects.latest("sequence")
    assert (event.action, event.actor_name) == ("chatflow.set_engine", "alice")
    assert event.after is not None
    assert event.after["has_secret"] is True
    assert "s3cr3t-canary" not in factories.dump()


def test_none_keeps_the_secret_and_empty_clears_it(faq: Chatflow) -> None:
    engines.save(faq, "flowise", FLOWISE, "s1", factories.TESTER)
    engines.save(faq, "flowise", {**FLOWISE, "base_url": f"{BASE}/x/"}, None, factories.TESTER)
    assert secret_of(faq) == "s1"
    engines.save(faq, "flowise", FLOWISE, "", factories.TESTER)
    assert not engines.has_secret(faq)


@pytest.mark.parametrize("base", ["http://127.0.0.1:3001", "https://127.0.0.1:3000"])
def test_another_origin_clears_the_secret(faq: Chatflow, base: str) -> None:
    engines.save(faq, "flowise", FLOWISE, "s1", factories.TESTER)
    engines.save(faq, "flowise", {**FLOWISE, "base_url": base}, None, factories.TESTER)
    assert not engines.has_secret(faq)
    engines.save(faq, "flowise", FLOWISE, "s2", factories.TESTER)
    assert secret_of(faq) == "s2"
    engines.save(faq, "faq", {}, None, factories.TESTER)
    assert not engines.has_secret(faq)


@pytest.mark.parametrize(
    ("engine", "config", "fields"),
    [
        ("flowise", {}, {"base_url", "flow_id"}),
        ("flowise", {**FLOWISE, "x": 1}, {"x"}),
        ("flowise", {**FLOWISE, "base_url": "http://10.0.0.1"}, {"base_url"}),
        ("flowise", {**FLOWISE, "base_url": f"{BASE}/api/v1/prediction"}, {"base_url"}),
        ("openai", {"base_url": BASE}, {"model"}),
        ("openai", {"base_url": BASE, "model": "m", "temperature": "nan"}, {"temperature"}),
        ("openai", {"base_url": BASE, "model": "m", "temperature": 3}, {"temperature"}),
        ("openai", {"base_url": BASE, "model": "m", "max_tokens": "x"}, {"max_tokens"}),
        ("openai", {"base_url": BASE, "model": "m", "memory_turns": -1}, {"memory_turns"}),
        ("gemini", {}, {"engine"}),
    ],
)
def test_what_is_wrong_is_named_by_field_and_changes_nothing(
    faq: Chatflow, engine: str, config: dict[str, Any], fields: set[str]
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        engines.save(faq, engine, config, None, factories.TESTER)
    assert set(caught.value.errors) == fields
    faq.refresh_from_db()
    assert faq.engine == "faq"
    assert not UpstreamSecret.objects.exists()


def test_a_connection_is_tried_and_no_sentence_quotes_the_key(faq: Chatflow, host: Host) -> None:
    flowise = {"base_url": host.serve(Flowise().app), "flow_id": FLOW}
    model = {"base_url": host.serve(OpenAI().app) + "/v1", "model": "tiny"}
    assert engines.test_connection(faq, "flowise", flowise, KEY) == (
        True,
        "Flowise has the flow. Not tried: whether it takes this key, and whether the flow answers.",
    )
    assert engines.test_connection(faq, "openai", model, KEY)[0]
    found = engines.list_models(faq, "openai", {"base_url": model["base_url"]}, KEY)
    assert found == (["large", "tiny"], "")
    for engine, config, secret in (
        ("flowise", {**flowise, "flow_id": FLOW.replace("0", "1")}, KEY),
        ("flowise", {**flowise, "base_url": "http://127.0.0.1:1"}, KEY),
        ("openai", model, f"{KEY}-wrong"),
        ("openai", {**model, "model": "none"}, KEY),
    ):
        is_fine, sentence = engines.test_connection(faq, engine, config, secret)
        assert not is_fine
        assert KEY not in sentence


def test_a_stored_secret_is_tried_at_its_own_origin_alone(faq: Chatflow, host: Host) -> None:
    one, two = OpenAI(), OpenAI()
    config = {"base_url": host.serve(one.app) + "/v1", "model": "tiny"}
    engines.save(faq, "openai", config, KEY, factories.TESTER)
    assert engines.test_connection(faq, "openai", config, None)[0]
    other = {**config, "base_url": host.serve(two.app) + "/v1"}
    assert not engines.test_connection(faq, "openai", other, None)[0]
