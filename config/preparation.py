"""Preparation: everything that a server needs before it can start."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from django.conf import settings
from django.core import checks, management
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, connections, transaction

from accounts.crypto.keyring import KeyRingError
from accounts.network import addresses
from accounts.permissions import Actor
from accounts.services import ring_keys
from accounts.worker import drills
from apikeys.key_file import changes, layout, reading, writing
from chatflows.flow_app import flow_apps
from chatflows.models import Chatflow
from chatflows.services import onboarding
from config import databases
from config.delivery import old_files
from config.upgrades import newer, packages, rights, tables

log = structlog.get_logger("flowlatch.start")

# What SQLite says where one of its three files is not the one that others use.
_TORN = ("disk I/O error", "locking protocol", "files replaced")
FLOWISE_KEYS = "api.json"
STARTER = Actor("system", "start", "first start")


class CannotStart(Exception):
    """Raised if the server can't start. The message is one line that says what to do."""


def prepare() -> None:
    """Make what is missing: folder, tables, key ring, first team, static files. Raises CannotStart.

    It runs the checks too. A second call changes nothing.
    """
    if complaint := packages.complaint():
        raise CannotStart(complaint)
    _folder(settings.DATA_DIR, "FLOWLATCH_DATA")
    if settings.APIKEY_PATH is not None:
        _folder(settings.APIKEY_PATH, "APIKEY_PATH")
    _checks()
    with _alone():
        _fill()
        _static_files()


def migrate() -> None:
    """Bring the tables up to date and do nothing else, as a start would. Raises CannotStart."""
    _folder(settings.DATA_DIR, "FLOWLATCH_DATA")
    with _alone(), _plain_faults():
        _is_there()
        tables.bring_up_to_date()


def _static_files() -> None:
    try:
        old_files.note_use(settings.STATIC_ROOT)
        management.call_command("collectstatic", interactive=False, verbosity=0)
        old_files.remove(settings.STATIC_ROOT)
    except OSError as error:
        raise CannotStart(f"Files can't be written: {error.strerror}.") from error


def port_is_free(host: str, port: int) -> None:
    """Raise CannotStart if the port can't be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            advice = "Check HOST and PORT."
            if error.errno == errno.EADDRINUSE:
                advice = f"Stop what listens there, or choose another: PORT={port + 1} make run"
            reason = error.strerror or "there is no such host"
            raise CannotStart(f"Port {port} on {host} can't be used: {reason}. {advice}") from error


def let_go() -> None:
    """Close this process's connections to the database."""
    connections.close_all()
    if connection.vendor == "postgresql":
        from django.db.backends.postgresql.base import DatabaseWrapper  # noqa: PLC0415 (it loads a driver)

        database = connections["default"]  # `connection` is a proxy of it and no instance
        assert isinstance(database, DatabaseWrapper)
        database.close_pool()


def welcome() -> list[str]:
    """Return the lines that a start prints."""
    lines = [f"Flowlatch {settings.VERSION} listens at {settings.PUBLIC_URL}"]
    if not onboarding.has_owner():
        token = onboarding.new_set_up_token()
        lines.append(f"Become the owner: {settings.PUBLIC_URL}/set-up/{token}/")
        lines.append("  (opens once, for 7 days; a new start prints a new link)")
    sample = Chatflow.objects.order_by("created_at").first()
    if sample is not None:
        url = f"{settings.PUBLIC_URL}/api/v1/prediction/{sample.id}"
        lines.append(f"First chatflow: {url}")
    if drills.stands():
        lines.append(f"Warning: {drills.MEANING}")
    if not settings.IS_HTTPS and not is_loopback(settings.HOST):
        lines.append(
            "Warning: HOST is reachable from outside and PUBLIC_URL is not https: keys and "
            "passwords travel in clear. Set PUBLIC_URL to the address that people use."
        )
    if settings.WEB_CONCURRENCY > 1 and not settings.LIMITS_URL:
        lines.append(
            f"Warning: each of the {settings.WEB_CONCURRENCY} processes counts by itself, so a "
            f"limit in time can be exceeded up to {settings.WEB_CONCURRENCY} times. Set LIMITS_URL "
            "to let them count together."
        )
    return lines


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    address = addresses.parse(host)
    return host == "localhost" if address is None else address.is_loopback


def _folder(path: Path, name: str) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"The folder {path} can't be made: {error.strerror}.") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise CannotStart(
            f"The folder {path} is not writable. Make it so, or set {name} to another."
        )


def _checks() -> None:
    # A page without a policy is an error here: no server is better than an open page.
    serious = [m for m in checks.run_checks() if m.is_serious()]
    if serious:
        raise CannotStart(f"A check failed: {serious[0].msg}")


@contextmanager
def _alone() -> Iterator[None]:
    # On SQLite two starts at once wait for each other by the file's own lock.
    if connection.vendor != "postgresql":
        yield
        return
    from config import postgresql  # noqa: PLC0415 (it loads a driver)

    parameters = databases.connection_parameters(settings.DATABASES["default"])
    try:
        with postgresql.locked(parameters, settings.DATABASE_WAIT):
            yield
    except postgresql.Unfit as error:
        raise CannotStart(str(error)) from None


def _fill() -> None:
    with _plain_faults():
        _is_there()
        tables.bring_up_to_date()
        ring_keys.ensure(settings.KEY_RING_PATH)
        newer.remember()
        _close_to_others()
        with (
            transaction.atomic()
        ):  # no team without its owner, so that the next start can be corrected
            _restore_keys()
            _first_team()
            _first_owner()
            _flow_app()
        _key_file()


@contextmanager
def _plain_faults() -> Iterator[None]:
    """Say in one line what went wrong inside the block. Raises CannotStart."""
    try:
        yield
    except (KeyRingError, newer.Newer, rights.Lacking) as error:
        raise CannotStart(str(error)) from error
    except writing.Locked:
        raise CannotStart(
            f"The key file in {settings.APIKEY_PATH} is locked by another process. End it, then "
            "start again."
        ) from None
    except DatabaseError as error:
        name = settings.DATABASES["default"]["NAME"]
        reason = str(error).partition("\n")[0]
        if reason in _TORN and connection.vendor == "sqlite":
            raise CannotStart(
                f"The database {name} can't be used: its -wal or -shm file was deleted or replaced "
                "while another process has it open. Stop every process that uses it, then start "
                "again. Changes of the last moments can be lost."
            ) from error
        raise CannotStart(f"The database {name} can't be used: {reason}.") from error


def _is_there() -> None:
    if connection.vendor == "postgresql":
        rights.check_schema()  # one that the role can't see looks empty
    # A key ring beside an empty database means a lost disk or a wrong path. A new installation here
    # would show a set-up link to whoever reads the log.
    # A key file brings the keys back that the ring was made for.
    is_lost = settings.KEY_RING_PATH.exists() and not reading.is_there()
    if is_lost and not connection.introspection.table_names():
        raise CannotStart(
            f"The database is empty, but {settings.KEY_RING_PATH} was made with one. Put the "
            "database back from your backup, or move the key ring away to begin anew."
        )


def _close_to_others() -> None:
    # The folder may have existed before, open to others. Our files in it are not for them.
    for path in settings.DATA_DIR.glob("*"):
        if path.is_file() and path.stat().st_mode & 0o077 and path.suffix != ".log":
            path.chmod(0o600)


def _restore_keys() -> None:
    # Before the first team is made: only a database without any team reads the key file.
    try:
        restored = reading.restore(STARTER)
    except (layout.Damaged, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotStart(
            f"The key file {writing.folder() / layout.NAME} can't be used: {reason}. Put it "
            "back from your backup, or move it away to begin without its keys."
        ) from error
    if restored is not None:
        log.warning("keys restored from the key file", teams=restored.teams, keys=restored.keys)


def _key_file() -> None:
    if settings.APIKEY_PATH is None:
        changes.remove()
        return
    if (settings.APIKEY_PATH / FLOWISE_KEYS).exists():
        log.info("a key file of Flowise is there and is left alone", name=FLOWISE_KEYS)
    changes.install()
    try:
        writing.write(within=writing.AT_START, again=True)
    except OSError as error:
        raise CannotStart(
            f"The key file in {settings.APIKEY_PATH} can't be written: {error.strerror}."
        ) from error


def _first_team() -> None:
    try:
        onboarding.prepare(settings.TEAM_NAME.strip(), STARTER)
    except ValidationError as error:
        raise CannotStart(f"TEAM_NAME: {' '.join(error.messages)}") from error


def _first_owner() -> None:
    if not settings.OWNER_EMAIL or onboarding.has_owner():
        return
    if not settings.OWNER_PASSWORD:
        raise CannotStart("OWNER_EMAIL is set and OWNER_PASSWORD is not: set both or neither.")
    try:
        onboarding.create_first_owner(
            settings.OWNER_EMAIL, settings.OWNER_USERNAME, settings.OWNER_PASSWORD, STARTER
        )
    except ValidationError as error:
        raise CannotStart(f"OWNER_*: {' '.join(error.messages)}") from error


def _flow_app() -> None:
    username, password = settings.FLOW_USERNAME, settings.FLOW_PASSWORD
    if bool(username.strip()) != bool(password):
        raise CannotStart("Set both FLOW_USERNAME and FLOW_PASSWORD, or neither.")
    login = flow_apps.Login(username, password) if password else None
    try:
        flow_apps.from_environment(onboarding.first_team(), login, STARTER)
    except ValidationError as error:
        raise CannotStart(f"FLOW_USERNAME, FLOW_PASSWORD: {' '.join(error.messages)}") from error
