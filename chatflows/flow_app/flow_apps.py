"""Flow apps: who may enter a team's hosted chats, set on a page or by the environment."""

from dataclasses import dataclass

from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.login import password_rules
from accounts.models import Team, User
from accounts.models.names import is_plain
from accounts.permissions import Actor
from accounts.services.versions import Stale
from chatflows.models import FlowApp, FlowAppState, FlowSession


class SetElsewhere(Exception):
    """Raised for a new login where the environment sets username and password."""


@dataclass(frozen=True, slots=True)
class Login:
    """Username and password of a flow app. An empty password keeps the one that is set."""

    username: str
    password: str = ""


def of(team: Team) -> FlowApp:
    """Return a team's flow app, or an unsaved one that is off."""
    return FlowApp.objects.of(team).first() or FlowApp(team=team)


@dataclass(frozen=True, slots=True)
class _Hashed:
    """A login that passed the rules, with its password hashed."""

    username: str
    password_hash: str


def save(
    team: Team, state: str, login: Login | None, by: Actor, *, version: int | None = None
) -> FlowApp:
    """Set who may enter, from the next request on. A change ends every visit.

    Without `login` username and password stay. Raises ValidationError for what the rules refuse,
    SetElsewhere for a login where the environment sets it, and Stale if `version` is an older one.
    """
    if login is not None and of(team).is_from_environment:
        raise SetElsewhere
    # Hashing is slow, so it is done before the transaction, where nobody waits for a lock.
    return _save(team, state, _hashed(team, login) if login else None, by, version)


@transaction.atomic
def _save(team: Team, state: str, login: _Hashed | None, by: Actor, version: int | None) -> FlowApp:
    app = _locked(team)
    if version is not None and app.version != version:
        raise Stale
    if login is not None and app.is_from_environment:
        raise SetElsewhere
    before = _facts(app)
    is_new_login = login is not None and _take(app, login)
    app.state = FlowAppState(state)
    if app.state == FlowAppState.PASSWORD and not (app.username and app.password_hash):
        raise ValidationError({"password": "Set a username and a password, or choose Off."})
    _store(app, before, by, is_new_login=is_new_login)
    return app


@transaction.atomic
def from_environment(team: Team, login: Login | None, by: Actor) -> None:
    """Set the team's login from the environment; without one, remove a login that came from it.

    Raises ValidationError for what the rules refuse. A start with an unchanged login changes
    nothing.
    """
    if login is None and not FlowApp.objects.of(team).filter(is_from_environment=True).exists():
        return
    app = _locked(team)
    before = _facts(app)
    if login is None:
        app.username = app.password_hash = ""
        app.password_changed_at, app.is_from_environment = None, False
        app.state = FlowAppState.OFF
        _store(app, before, by, is_new_login=True)
        return
    is_same = app.is_from_environment and check_password(login.password, app.password_hash)
    is_new_login = _take(app, _hashed(team, Login(login.username) if is_same else login))
    if not app.is_from_environment:
        app.is_from_environment, app.state = True, FlowAppState.PASSWORD
    _store(app, before, by, is_new_login=is_new_login)


def _locked(team: Team) -> FlowApp:
    return FlowApp.objects.select_for_update(no_key=True).get_or_create(team=team)[0]


def _hashed(team: Team, login: Login) -> _Hashed:
    username = login.username.strip()
    _check(team, username, login.password)
    return _Hashed(username, make_password(login.password) if login.password else "")


def _take(app: FlowApp, login: _Hashed) -> bool:
    """Set what is new of a login, and return whether anything is."""
    is_new = login.username != app.username or bool(login.password_hash)
    app.username = login.username
    if login.password_hash:
        app.password_hash = login.password_hash
        app.password_changed_at = timezone.now()
    return is_new


def _check(team: Team, username: str, password: str) -> None:
    errors: dict[str, list[str]] = {}
    longest = FlowApp._meta.get_field("username").max_length or 0
    if username and (len(username) > longest or not is_plain(username)):
        errors["username"] = [f"Use at most {longest} visible characters on one line."]
    if password:
        try:
            password.encode()
            password_rules.check(password, User(username=username), [team.name])
        except UnicodeEncodeError:  # from the environment: bytes that are no text
            errors["password"] = ["The password is no UTF-8 text."]
        except ValidationError as error:
            errors["password"] = error.messages
    if password and not username:
        errors["username"] = ["Choose a username too."]
    if errors:
        raise ValidationError(errors)


def _store(app: FlowApp, before: dict[str, object], by: Actor, *, is_new_login: bool) -> None:
    """Save a changed flow app with its audit row, and end all visits."""
    after = _facts(app)
    if after == before and not is_new_login:
        return
    app.version += 1
    app.save()
    FlowSession.objects.of(app.team).delete()
    after["is_login_new"] = is_new_login
    target = audit.Target("flow_app", str(app.team_id), str(app.team))
    audit.record(app.team_id, "flow_app.update", by, target, before=before, after=after)


def _facts(app: FlowApp) -> dict[str, object]:
    return {
        "state": str(app.state),
        "username": app.username,
        "is_password_set": bool(app.password_hash),
        "is_from_environment": app.is_from_environment,
    }
