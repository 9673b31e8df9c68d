"""Visits: the sessions of a flow app, which open its hosted chats and nothing else."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from uuid import UUID

from django.contrib.auth.hashers import check_password
from django.core import signing
from django.db import transaction
from django.utils import timezone

from accounts.crypto import digests
from accounts.limits import lock_outs
from accounts.limits.lock_outs import Attempt, Kind
from accounts.login import hashers
from accounts.models import Team
from accounts.models.names import fold
from chatflows.models import FlowApp, FlowAppState, FlowSession, HostedChat

LIFETIME = timedelta(hours=12)
TOKEN_BYTES = 32
BATCH = 500  # rows in one statement, so that nobody waits long for its lock
_SALT = "flowlatch.flow-session"


class Closed(Exception):
    """Raised if there is no such team, its flow app is off or it is suspended: all are 404."""


class WrongLogin(Exception):
    """Raised for a wrong username or password."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Someone in a team's flow app, with a session or because it is open."""

    team: Team
    app: FlowApp
    session: FlowSession | None

    @property
    def is_open(self) -> bool:
        """Whether the flow app is open, so that nobody has to log in."""
        return self.app.state == FlowAppState.OPEN


def enter(slug: str, cookie: str) -> Visit | None:
    """Return the visit that a cookie stands for; None if a login is needed. Raises Closed."""
    app = _app(slug)
    session = _session(app, cookie)
    if session is None and app.state != FlowAppState.OPEN:
        return None
    return Visit(app.team, app, session)


def log_in(slug: str, username: str, password: str, address: str) -> str:
    """Log a visitor in, and return the cookie's text. Raises Closed, TooMany or WrongLogin.

    What is closed makes no hash, whether or not there is such a team.
    """
    app = _app(slug)
    attempt = Attempt(Kind.FLOW_LOGIN, f"{fold(slug)} {username}", address)
    lock_outs.begin(attempt)
    try:
        with hashers.visitors_turn():
            is_right = _is_right(app, username, password)
    except TimeoutError:  # too many hashes at once
        lock_outs.uncount(attempt)
        raise
    if not is_right:
        raise WrongLogin
    lock_outs.note_success(attempt)
    return begin(app)[1]


@transaction.atomic
def begin(app: FlowApp) -> tuple[FlowSession, str]:
    """Begin a session of this version of the flow app. Return it and its cookie's text."""
    now = timezone.now()
    FlowSession.objects.of(app.team).filter(expires_at__lte=now).delete()
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session = FlowSession.objects.create(
        team=app.team,
        digest=digests.link_token_digest(token),
        version=app.version,
        expires_at=now + LIFETIME,
    )
    return session, _signer().sign(f"{app.team_id}.{token}")


def end(cookie: str) -> None:
    """End a session. Copies of its cookie open nothing either."""
    _, token = _read(cookie)
    if token:
        FlowSession.objects.filter(digest=digests.link_token_digest(token)).delete()


def delete_ended(stopping: Event) -> None:
    """Delete the visits that have ended. The worker calls it."""
    ended = FlowSession.objects.filter(expires_at__lte=timezone.now())
    while not stopping.is_set():
        some = list(ended.values_list("pk", flat=True)[:BATCH])
        if not some:
            return
        FlowSession.objects.filter(pk__in=some).delete()


def chat(visit: Visit, chatflow_id: UUID) -> HostedChat | None:
    """Return a chat if the team publishes it now."""
    return HostedChat.objects.shown_by(visit.team).filter(chatflow_id=chatflow_id).first()


def holds(visit: Visit, chatflow_id: UUID) -> bool:
    """Whether a running answer may go on: the visit lives and the chat is published."""
    team = Team.objects.filter(
        pk=visit.team.pk, suspended_at=None, flow_app__version=visit.app.version
    )
    session = visit.session
    alive = FlowSession.objects.alive(timezone.now()).filter(pk=session.pk) if session else None
    if alive is not None and not alive.exists():
        return False
    return team.exists() and chat(visit, chatflow_id) is not None


def _app(slug: str) -> FlowApp:
    """Return a flow app that visitors may enter. Raises Closed, always after one statement."""
    team = Team.objects.select_related("flow_app").filter(slug=slug).first()
    app: FlowApp | None = getattr(team, "flow_app", None)
    if team is None or app is None or app.state == FlowAppState.OFF or team.suspended_at:
        raise Closed
    return app


def _session(app: FlowApp, cookie: str) -> FlowSession | None:
    team_id, token = _read(cookie)
    if not token or team_id != str(app.team_id):
        return None
    mine = FlowSession.objects.of(app.team).alive(timezone.now())
    return mine.filter(digest=digests.link_token_digest(token)).first()


def _is_right(app: FlowApp, username: str, password: str) -> bool:
    is_password = check_password(password, app.password_hash)
    typed, wanted = (fold(name.strip()).encode() for name in (username, app.username))
    return hmac.compare_digest(typed, wanted) and is_password


def _read(cookie: str) -> tuple[str, str]:
    try:
        team_id, _, token = _signer().unsign(cookie).partition(".")
    except signing.BadSignature:
        return "", ""
    return team_id, token


def _signer() -> signing.Signer:
    return signing.Signer(salt=_SALT)
