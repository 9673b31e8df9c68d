"""Engines: choose what answers a chatflow, keep its secret, and try the connection."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from asgiref.sync import async_to_sync
from django.db import transaction

from accounts import audit
from accounts.crypto import sealing
from accounts.network import connections, egress
from accounts.permissions import Actor
from chatflows.engines import configs
from chatflows.engines.configs import Config, FlowiseConfig
from chatflows.engines.flowise import FlowiseEngine
from chatflows.engines.openai import OpenAIEngine
from chatflows.models import Chatflow, EngineName, UpstreamSecret

MAX_SECRET_LENGTH = 2000  # characters
UpstreamEngine = FlowiseEngine | OpenAIEngine
Found = TypeVar("Found")


def save(
    chatflow: Chatflow, engine: str, config: Mapping[str, Any], secret: str | None, by: Actor
) -> None:
    """Set what answers, from the next call on. `secret` None keeps the stored one, "" clears it.

    A stored secret belongs to one origin: where the address changes it goes, unless a new one comes
    along. Raises InvalidConfig (chatflows/engines/configs.py) with a sentence for each field.
    """
    if engine == EngineName.FAQ:
        _save(chatflow, engine, {}, by, origin="", secret=None)
        return
    checked = configs.check(engine, config)  # looks names up: before the transaction
    _check_secret(secret)
    origin = egress.origin(checked.base_url)
    _save(chatflow, engine, configs.stored(checked), by, origin=origin, secret=secret)


@transaction.atomic
def _save(
    chatflow: Chatflow,
    engine: str,
    config: dict[str, Any],
    by: Actor,
    *,
    origin: str,
    secret: str | None,
) -> None:
    locked = Chatflow.objects.select_for_update().get(pk=chatflow.pk)
    before = _facts(locked)
    held = UpstreamSecret.objects.filter(chatflow=locked)
    if secret is not None:
        held.delete()
    else:
        held.exclude(origin=origin).delete()
    if secret:
        _store(locked, origin, secret)
    locked.engine, locked.engine_config = engine, config
    locked.engine_version += 1
    locked.save(update_fields=["engine", "engine_config", "engine_version"])
    chatflow.refresh_from_db()
    after = {**_facts(locked), "is_secret_new": bool(secret)}
    target = audit.Target("chatflow", str(locked.pk), locked.name)
    audit.record(locked.team_id, "chatflow.set_engine", by, target, before=before, after=after)


def test_connection(
    chatflow: Chatflow, engine: str, config: Mapping[str, Any], secret: str | None
) -> tuple[bool, str]:
    """Whether the upstream answers, and a sentence that quotes no secret. Raises InvalidConfig.

    What is typed is tried without being saved; a stored secret goes to its own origin alone.
    """
    checked = configs.check(engine, config)
    return _ask(chatflow, checked, secret, lambda one: one.test_connection())


def list_models(
    chatflow: Chatflow, config: Mapping[str, Any], secret: str | None = None
) -> tuple[list[str], str]:
    """The models of an OpenAI-compatible server, or none and why. Raises InvalidConfig.

    `config` needs no model yet.
    """
    checked = configs.check("openai", {**config, "model": config.get("model") or "any"})

    async def models(one: UpstreamEngine) -> tuple[list[str], str]:
        assert isinstance(one, OpenAIEngine)
        return await one.list_models()

    return _ask(chatflow, checked, secret, models)


def has_secret(chatflow: Chatflow) -> bool:
    """Whether a secret is stored; it is never shown."""
    return UpstreamSecret.objects.filter(chatflow=chatflow).exists()


def _ask(
    chatflow: Chatflow,
    config: Config,
    secret: str | None,
    question: Callable[[UpstreamEngine], Awaitable[Found]],
) -> Found:
    known = _stored_secret(chatflow, egress.origin(config.base_url)) if secret is None else secret

    async def ask() -> Found:
        async with connections.session() as client:
            if isinstance(config, FlowiseConfig):
                return await question(FlowiseEngine(client, config, known))
            return await question(OpenAIEngine(client, config, known))

    return async_to_sync(ask)()


def _check_secret(secret: str | None) -> None:
    if secret and (len(secret) > MAX_SECRET_LENGTH or not secret.isascii() or _has_blank(secret)):
        raise configs.InvalidConfig({"secret": "A key is one word of plain ASCII."})


def _has_blank(text: str) -> bool:
    return any(not "!" <= character <= "~" for character in text)


def _store(chatflow: Chatflow, origin: str, secret: str) -> None:
    place = configs.secret_place(chatflow.id, chatflow.team_id, origin)
    version, ciphertext = sealing.encrypt(secret, place)
    UpstreamSecret.objects.create(
        chatflow=chatflow, origin=origin, ciphertext=ciphertext, key_version=version
    )


def _stored_secret(chatflow: Chatflow, origin: str) -> str:
    row = UpstreamSecret.objects.filter(chatflow=chatflow, origin=origin).first()
    if row is None:
        return ""
    place = configs.secret_place(chatflow.id, chatflow.team_id, origin)
    return sealing.decrypt(bytes(row.ciphertext), row.key_version, place)


def _facts(chatflow: Chatflow) -> dict[str, object]:
    return {
        "engine": str(chatflow.engine),
        "config": chatflow.engine_config,
        "has_secret": has_secret(chatflow),
    }
