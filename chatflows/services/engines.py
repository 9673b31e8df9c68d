"""Engines: choose what answers for a chatflow, keep its secret, test the connection."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from asgiref.sync import async_to_sync
from django.db import transaction

from accounts import audit
from accounts.crypto import sealing
from accounts.permissions import Actor
from accounts.services import versions
from accounts.services.key_ring.rows import Sealed
from chatflows.engines import Engine, ListingEngine, UpstreamEngine, configs, kinds
from chatflows.engines.clients import LazyClient
from chatflows.engines.configs import Config, InvalidConfig
from chatflows.engines.kinds import Kind
from chatflows.engines.secrecy import is_repetitive
from chatflows.engines.sources import Materials
from chatflows.models import Chatflow, UpstreamSecret

MAX_SECRET_LENGTH = 2000  # characters
NO_SERVER = "Choose an engine that has a server."
NO_LIST = "Choose an engine whose server lists its models."
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Checked:
    """An engine's settings that can be saved. `secret` as in `check`."""

    engine: str
    config: dict[str, Any]
    origin: str
    secret: str | None = field(repr=False)


def check(engine: str, config: Mapping[str, Any], secret: str | None) -> Checked:
    """Check settings before any transaction, since this looks names up. Raises InvalidConfig.

    `secret` None keeps the stored secret, "" clears it.
    """
    kind = kinds.chosen(engine)
    checked = kind.check(config)
    _check_secret(secret)
    kept = secret if kind.has_upstream else None
    return Checked(engine, asdict(checked), kind.origin(checked), kept)


def save(
    chatflow: Chatflow,
    engine: str,
    config: Mapping[str, Any],
    secret: str | None,
    by: Actor,
    *,
    version: str | None = None,
) -> None:
    """Set what answers, from the next call on. Raises InvalidConfig, and Stale as `store`."""
    store(chatflow, check(engine, config, secret), by, version=version)


def version_of(chatflow: Chatflow, held: UpstreamSecret | None) -> str:
    """Return the version of engine, settings and the secret that is held."""
    return versions.of(_seen(chatflow, held))


@transaction.atomic
def store(chatflow: Chatflow, checked: Checked, by: Actor, *, version: str | None = None) -> None:
    """Set what answers, from the next call on. Raises Stale if `version` is an older one.

    A stored secret belongs to one origin, so a change of the origin deletes it, unless a new secret
    is given.
    """
    secret, origin = checked.secret, checked.origin
    locked = Chatflow.objects.select_for_update(no_key=True).get(pk=chatflow.pk)
    held = UpstreamSecret.objects.filter(chatflow=locked)
    versions.check(version, _seen(locked, held.first()))
    before = _facts(locked)
    if secret is not None:
        held.delete()
    else:
        held.exclude(origin=origin).delete()
    if secret:
        _store(locked, origin, secret)
    locked.engine, locked.engine_config = checked.engine, checked.config
    locked.engine_version += 1
    locked.save(update_fields=["engine", "engine_config", "engine_version"])
    chatflow.refresh_from_db()
    after = {**_facts(locked), "is_secret_new": bool(secret)}
    target = audit.Target("chatflow", str(locked.pk), locked.name)
    audit.record(locked.team_id, "chatflow.set_engine", by, target, before=before, after=after)


def test_connection(
    chatflow: Chatflow, engine: str, config: Mapping[str, Any], secret: str | None
) -> tuple[bool, str]:
    """Return whether the upstream answers, and a sentence that quotes no secret.

    It tests what was typed and saves nothing. A stored secret is sent only to its own origin.
    Raises InvalidConfig.
    """
    kind = kinds.chosen(engine)
    if not kind.has_upstream:
        raise InvalidConfig({"engine": NO_SERVER})

    async def test(made: Engine) -> tuple[bool, str]:
        assert isinstance(made, UpstreamEngine)
        return await made.test_connection()

    return _ask(chatflow, kind, kind.check(config), secret, test)


def list_models(
    chatflow: Chatflow, engine: str, config: Mapping[str, Any], secret: str | None = None
) -> tuple[list[str], str]:
    """Return the models of an upstream, or none and the reason. Raises InvalidConfig.

    The field that the list is for may still be empty.
    """
    kind = kinds.chosen(engine)
    if not kind.suggests:
        raise InvalidConfig({"engine": NO_LIST})
    typed = {**config, kind.suggests: config.get(kind.suggests) or "any"}

    async def ask(made: Engine) -> tuple[list[str], str]:
        assert isinstance(made, ListingEngine)
        return await made.list_models()

    return _ask(chatflow, kind, kind.check(typed), secret, ask)


def has_secret(chatflow: Chatflow) -> bool:
    """Whether a secret is stored."""
    return UpstreamSecret.objects.filter(chatflow=chatflow).exists()


def _ask(
    chatflow: Chatflow,
    kind: Kind[Any],
    config: Config,
    secret: str | None,
    question: Callable[[Engine], Awaitable[Found]],
) -> Found:
    _check_secret(secret)
    known = _stored_secret(chatflow, kind.origin(config)) if secret is None else secret

    async def ask() -> Found:
        client = LazyClient()
        try:
            made = kind.engine(config, Materials(secret=known, connect=client.open))
            return await question(made)
        finally:
            await client.close()

    return async_to_sync(ask)()


def _check_secret(secret: str | None) -> None:
    if secret and (len(secret) > MAX_SECRET_LENGTH or not secret.isascii() or _has_blank(secret)):
        raise InvalidConfig({"secret": "A key is one word of plain ASCII."})
    if secret and is_repetitive(secret):
        raise InvalidConfig({"secret": "This is no key: it repeats one pattern over and over."})


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


def _place(row: UpstreamSecret) -> tuple[str, ...]:
    return configs.secret_place(row.chatflow_id, row.chatflow.team_id, row.origin)


def _seen(chatflow: Chatflow, held: UpstreamSecret | None) -> dict[str, object]:
    """Return what a version is made of. Each secret that is set has another ciphertext."""
    secret = bytes(held.ciphertext).hex() if held else ""
    return {"engine": chatflow.engine, "config": chatflow.engine_config, "secret": secret}


def _facts(chatflow: Chatflow) -> dict[str, object]:
    return {
        "engine": str(chatflow.engine),
        "config": chatflow.engine_config,
        "has_secret": has_secret(chatflow),
    }


SEALED = Sealed(
    "engines' secrets", lambda: UpstreamSecret.objects.select_related("chatflow"), _place
)
