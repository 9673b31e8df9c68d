"""Makers of what tests need, by the services that make it in life."""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.utils import timezone

from accounts.bounds import Limits
from accounts.login import fresh_logins
from accounts.mail import outbox
from accounts.models import Mail, Membership, Role, Team, User
from accounts.models.mail_kinds import KINDS
from accounts.permissions import Actor
from accounts.services import sessions, teams
from apikeys.models import ApiKey, Kind
from apikeys.services import keys
from chatflows.calls.recorder import CallRecord
from chatflows.models import Chatflow
from chatflows.predictions.running import Group, RunningAnswer, registry
from chatflows.predictions.turns import Turn
from chatflows.services import chatflows
from tests import dumps

PASSWORD = "correct horse battery staple"
TESTER = Actor("system", "tests", "tests", "192.0.2.1")
ORIGIN = "https://shop.acme.example"
NOBODYS_ID = UUID("00000000-0000-4000-8000-000000000000")


def user(name: str) -> User:
    """A person with PASSWORD."""
    return User.objects.create_user(name, f"{name}@example.com", PASSWORD)


def join(team: Team, person: User, role: Role) -> None:
    """Make a person a member."""
    Membership.objects.create(team=team, user=person, role=role)


def team(name: str) -> Team:
    """A team as onboarding makes it: with DefaultKey, which has no secret yet."""
    made = teams.create(name, TESTER)
    keys.create(made, ApiKey.DEFAULT_NAME, TESTER)
    return made


def key(owner: Team, name: str, *opens: Chatflow) -> tuple[ApiKey, str]:
    """A key with its text, selected for some chatflows."""
    return keys.add(owner, name, TESTER, opens=[chatflow.id for chatflow in opens])


def publishable(
    owner: Team, name: str, pinned_to: Chatflow, *, origins: Sequence[str] = (ORIGIN,)
) -> tuple[ApiKey, str]:
    """A publishable key with its text, for pages of ORIGIN."""
    return keys.add(
        owner,
        name,
        TESTER,
        kind=Kind.PUBLISHABLE,
        pinned_to=pinned_to.id,
        origins=origins,
        limits=Limits(minute=60, day=2000),
    )


def chatflow(owner: Team, name: str, *, mode: str = "keys", key_in_url: bool = False) -> Chatflow:
    """A chatflow in a mode; DefaultKey is selected, as for every new one."""
    made = chatflows.create(owner, name, TESTER)
    Chatflow.objects.filter(pk=made.pk).update(access_mode=mode, allow_key_in_url=key_in_url)
    made.refresh_from_db()
    return made


def let_remember(chatflow: Chatflow) -> None:
    """Give a chatflow an engine that is shown earlier turns. Nothing listens at its address."""
    config = {"base_url": "http://127.0.0.1:9/v1", "model": "none"}
    Chatflow.objects.filter(pk=chatflow.pk).update(engine="openai", engine_config=config)


def client(person: User, *, is_fresh: bool = False) -> Client:
    """A logged-in browser; with `is_fresh` its password was given just now."""
    browser = Client()
    browser.force_login(person)
    first = person.memberships.order_by("pk").values("team")[:1]  # and has been there before
    User.objects.filter(pk=person.pk).update(last_team=first)
    sessions.note_use(browser.session.session_key or "", "192.0.2.1", "")
    if is_fresh:
        note_password(browser, person)
    return browser


def note_password(browser: Client, person: User, seconds_ago: float = 0) -> None:
    """Note in the session that the password was given."""
    request = HttpRequest()
    request.session, request.user = browser.session, person
    fresh_logins.note_password(request)
    for record in request.session[AUTHENTICATION_METHODS_SESSION_KEY]:
        record["at"] = time.time() - seconds_ago
    request.session.save()


def call(of: Chatflow, by: ApiKey | None = None, **more: object) -> CallRecord:
    """What the gate notes of a call that was let in."""
    values: dict[str, object] = {
        "at": timezone.now(),
        "chatflow_id": of.id,
        "team_id": of.team_id,
        "key_id": by.id if by else None,
        "key_name": by.name if by else "",
        "public_id": by.secret.public_id if by and by.secret else "",
        "allowed": True,
        "status": 200,
        "code": "ok",
        "reason": "ok",
        "client_address": "192.0.2.7",
        "duration_ms": 3,
        "streamed": False,
        "request_id": "req_AAAAAAAAAAAAAAAA",
    }
    return CallRecord(**{**values, **more})  # type: ignore[arg-type]


def mail(team: Team | None, to: str = "eve@example.com", **changes: object) -> Mail:
    """An invitation in the outbox, with some columns changed."""
    with override_settings(MAIL_SERVER={"EMAIL_HOST": "mail.invalid"}), transaction.atomic():
        made = outbox.queue("invitation", to, KINDS["invitation"].sample, team=team)
    assert made is not None
    Mail.objects.filter(pk=made.pk).update(**changes)
    made.refresh_from_db()
    return made


def turn(of: Chatflow, caller: str, chat_id: str, **more: object) -> Turn:
    """A question and its answer in a conversation."""
    values: dict[str, object] = {
        "message_id": str(UUID(int=time.perf_counter_ns())),
        "at": timezone.now(),
        "chatflow_id": of.id,
        "caller": caller,
        "chat_id": chat_id,
        "question": "What is Flowlatch?",
        "answer": "A front door.",
        "is_complete": True,
    }
    return Turn(**{**values, **more})  # type: ignore[arg-type]


def dump() -> str:
    """The whole database as text, every column of every table."""
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        return "\n".join(connection.connection.iterdump())
    return dumps.postgres(connection.connection)


_NOTES = re.compile(r"'?change\.refuse'?|INTO \"(accounts_audithead|sqlite_sequence)\"")


def state() -> str:
    """The dump without the notes of refused changes: what a refusal must leave as it was."""
    return "\n".join(line for line in dump().split("\n") if not _NOTES.search(line))


def without_id_and_time(response: HttpResponse) -> str:
    """A page's text without what differs at each request: id, time and masked token."""
    text = response.content.decode().replace(response["X-Request-Id"], "")
    text = re.sub(r"\b[0-9A-Za-z]{64}\b", "", text)
    return re.sub(r"\d\d:\d\d:\d\d", "", text)


@contextmanager
def running(group: Group, holder: str, count: int) -> Iterator[None]:
    """Answers that run, as many as one holder may have; one more is refused."""
    answers = [RunningAnswer(group, {holder: count}, NOBODYS_ID, holder) for _ in range(count + 1)]

    async def enter() -> list[bool]:
        return [registry.enter(each) for each in answers]

    assert asyncio.run(enter()) == [True] * count + [False]
    try:
        yield
    finally:
        for each in answers[:-1]:
            registry.leave(each)
