"""A further kind of engine is a line in the registry, a form and a fragment, and no more."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django import forms
from django.template import engines as template_engines
from django.test import Client
from django.urls import reverse

from chatflows.engines import Done, Events, Question, Token, kinds
from chatflows.engines.configs import Check, InvalidConfig, server_url
from chatflows.engines.kinds import Kind
from chatflows.engines.pool import EnginePool
from chatflows.engines.sources import EngineRef, EngineSource, Materials
from chatflows.forms.engines import UpstreamForm
from chatflows.models import Chatflow, Message, UpstreamSecret
from chatflows.services import engines
from tests.forms import send

pytestmark = pytest.mark.django_db(transaction=True)

SERVER = "http://127.0.0.1:9"
ABILITIES = (
    *("is_instant", "answers_from_entries", "takes_files"),
    *("remembers", "can_abort", "suggests"),
)
CHAT = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"


def check_greeting(value: object) -> str:
    if not value:
        raise ValueError("Say how it greets.")
    return str(value)


@dataclass(frozen=True, slots=True)
class ToyConfig:
    base_url: str
    greeting: str

    checks: ClassVar[Mapping[str, Check]] = {"base_url": server_url, "greeting": check_greeting}


class ToyEngine:
    """Greets, and tells the secret that it was made with."""

    def __init__(self, config: ToyConfig, materials: Materials) -> None:
        self.config, self.materials = config, materials

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        yield [Token(f"{self.config.greeting}, {question.text}"), Done()]

    async def test_connection(self) -> tuple[bool, str]:
        return True, f"The toy knows {len(self.materials.secret)} letters."


TOY = Kind("toy", "Toy", ToyConfig, ToyEngine)


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    class ToyForm(UpstreamForm):
        prefix = "toy"
        title = "Box of toys"
        config_fields = ("base_url", "greeting")
        greeting = forms.CharField(required=False)

    fragment = tmp_path / "chatflows" / "engines" / "toy.html"
    fragment.parent.mkdir(parents=True)
    fragment.write_text("A toy of the tests.")
    templates = template_engines["django"].engine  # type: ignore[attr-defined]
    monkeypatch.setattr(templates, "dirs", [*templates.dirs, tmp_path])
    monkeypatch.setitem(kinds.KINDS, "toy", TOY)
    yield
    assert ToyForm.prefix  # lives until here: classes hold their subclasses weakly


def typed(**more: str) -> dict[str, str]:
    return {"engine": "toy", "toy-base_url": SERVER, "toy-greeting": "Hello", **more}


def url(chatflow: Chatflow, name: str) -> str:
    return reverse(name, args=["acme", chatflow.id])


def test_its_form_is_on_the_engine_page(as_alice: Client, faq: Chatflow) -> None:
    body = as_alice.get(url(faq, "chatflow_engine")).content.decode()
    for words in ("<b>Toy</b>", "A toy of the tests.", "Box of toys", 'name="toy-greeting"'):
        assert words in body


def test_it_is_refused_with_its_own_sentence(as_alice: Client, faq: Chatflow) -> None:
    response = send(as_alice, url(faq, "engine_save"), typed(**{"toy-greeting": ""}))
    assert response.status_code == 422
    assert "Say how it greets." in response.content.decode()


def test_it_is_saved_with_its_secret_and_its_name_is_listed(
    as_alice: Client, faq: Chatflow
) -> None:
    send(as_alice, url(faq, "engine_save"), typed(**{"toy-secret": "s3cret"}))
    faq.refresh_from_db()
    assert (faq.engine, faq.engine_config) == ("toy", {"base_url": SERVER, "greeting": "Hello"})
    assert UpstreamSecret.objects.get().origin == SERVER
    assert "Toy" in as_alice.get(reverse("chatflow_list", args=["acme"])).content.decode()
    faq.name = "Toys"
    faq.full_clean()


def test_its_connection_is_tested(as_alice: Client, faq: Chatflow) -> None:
    data = typed(**{"toy-secret": "s3cret"})
    body = send(as_alice, url(faq, "engine_test"), data).content.decode()
    assert "The toy knows 6 letters." in body


def test_it_answers_a_member(as_alice: Client, faq: Chatflow) -> None:
    send(as_alice, url(faq, "engine_save"), typed())
    posted = {"question": "toy?", "chat_id": CHAT}
    assert "Hello, toy?" in as_alice.post(url(faq, "chatflow_try"), posted).content.decode()
    assert Message.objects.get().answer == "Hello, toy?"


def test_the_pool_makes_it_with_its_secret(as_alice: Client, faq: Chatflow) -> None:
    send(as_alice, url(faq, "engine_save"), typed(**{"toy-secret": "s3cret"}))
    secret = UpstreamSecret.objects.get()
    config = {"base_url": SERVER, "greeting": "Hello"}
    row = (faq.team_id, "toy", config, "", secret.origin, secret.ciphertext, secret.key_version)

    class Sources:
        async def engine_source(self, chatflow_id: Any) -> EngineSource:
            return EngineSource.of_row(row, ())

    engine = asyncio.run(EnginePool(Sources()).get(faq.id, EngineRef("toy", 2)))
    assert isinstance(engine, ToyEngine)
    assert engine.materials.secret == "s3cret"


def test_what_it_does_not_do_is_off(faq: Chatflow) -> None:
    kind = kinds.of("toy")
    assert kind.has_upstream
    assert not any(getattr(kind, name) for name in ABILITIES)
    with pytest.raises(InvalidConfig, match="engine"):
        engines.list_models(faq, "toy", {"base_url": SERVER, "greeting": "Hello"})


def test_a_name_that_nobody_registered_can_do_nothing() -> None:
    kind = kinds.of("telepathy")
    assert kind is kinds.UNKNOWN
    assert not any(getattr(kind, name) for name in ABILITIES)
    assert not kind.has_upstream
