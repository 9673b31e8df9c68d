"""The committed table of routes by role and credential is the generated one; pages keep to it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from http.cookies import SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.login.session_store import digest_of
from accounts.models import Invitation, Membership, Role, Team, User
from accounts.services import invitations, service_accounts, users
from accounts.services.service_accounts import About
from chatflows.faq import entries
from chatflows.flow_app import chats, flow_apps, visits
from chatflows.flow_app.chats import Shown
from chatflows.flow_app.flow_apps import Login
from chatflows.models import FaqEntry, UnansweredQuestion
from tests import access_table, factories

pytestmark = pytest.mark.django_db

LET_IN = {200, 302, 410, 422}
# What is written by asking alone: a message to the person, who is led away, and the note of a
# change that was refused.
OF_NO_WEIGHT = re.compile(
    r'SELECT|SAVEPOINT|RELEASE|ROLLBACK|UPDATE "accounts_session"'
    r'|(INSERT INTO|UPDATE) "?accounts_audit(event|head)"?'
)
NOBODYS: dict[str, Any] = {
    "uuid": factories.NOBODYS_ID,
    "int": 2**31 - 1,
    "str": "nobodys",
    "slug": "nobodys",
}
PAGES = tuple(access_table.pages())
METHODS = {"GET", "POST", "PUT", "DELETE"}
PARAMETER = re.compile(r"<(\w+):(\w+)>")


@dataclass(frozen=True)
class Belongings:
    """One of everything that a path can name, all of one team."""

    slug: str
    chatflow_id: object
    entry_id: int
    question_id: int
    key_id: object
    account_id: object
    member_id: int
    invitation_id: object
    mail_id: object
    team_id: object
    digest: str = "nobodys"
    token: str = "nobodys"
    proof: str = "nobodys"
    name: str = "people"  # of a guide, which belongs to no team


class Asker(NamedTuple):
    """Who asks: by which cookie or key, and what happened to them since they got it."""

    cookies: dict[str, str]
    digest: str = "nobodys"  # of another session of the same person
    key: str = ""
    happened: Callable[[], object] = lambda: None


class World(NamedTuple):
    """Two teams, and everyone who asks."""

    acme: Belongings
    globex: Belongings
    installations_mail: object
    askers: dict[str, Asker]
    handler: Client


@pytest.fixture
def world(acme: Team, alice: User, globex: Team, mallory: User) -> World:
    people = {"owner": alice, "stranger": mallory}
    for role in (Role.VIEWER, Role.EDITOR, Role.ADMIN):
        people[role.value] = factories.user(role.value)
        factories.join(acme, people[role.value], role)
    people["operator"], people["operator who views"] = (
        factories.user("olga"),
        factories.user("opal"),
    )
    factories.join(acme, people["operator who views"], Role.VIEWER)
    User.objects.filter(username__in=("olga", "opal")).update(is_operator=True)
    askers = {name: logged_in(person) for name, person in people.items()}
    askers["owner, stale"] = logged_in(alice, is_fresh=False)
    askers["operator, stale"] = logged_in(people["operator"], is_fresh=False)
    mine = belongings(acme, alice)
    theirs = belongings(globex, mallory)
    _, cookie = visits.begin(flow_apps.of(acme))
    suspend = Team.objects.filter(pk=acme.pk)
    dismiss = User.objects.filter(pk=alice.pk)
    askers |= {
        "nobody": Asker({}),
        "visitor": Asker({settings.FLOW_COOKIE_NAME: cookie}),
        "API key": Asker({}, key=factories.key(acme, "A program")[1]),
        "suspended": askers["owner"]._replace(
            happened=lambda: suspend.update(suspended_at=timezone.now())
        ),
        "deactivated": askers["owner"]._replace(happened=lambda: dismiss.update(is_active=False)),
    }
    return World(mine, theirs, factories.mail(None).pk, askers, Client())


def logged_in(person: User, *, is_fresh: bool = True) -> Asker:
    browser, elsewhere = factories.client(person, is_fresh=is_fresh), factories.client(person)
    cookies = {
        settings.SESSION_COOKIE_NAME: browser.session.session_key or "",
        settings.CSRF_COOKIE_NAME: "a" * 32,  # else each answer would set a new one
    }
    return Asker(cookies, digest_of(elsewhere.session.session_key or ""))


def belongings(team: Team, owner: User) -> Belongings:
    flow = factories.chatflow(team, "Access")
    entries.add(flow, "When?", "Now.", factories.TESTER)
    account = service_accounts.create(team, About("Sync", "production"), factories.TESTER)
    key, _ = factories.key(team, "Sync key", flow)
    member = factories.user(f"member-of-{team.slug}")
    factories.join(team, member, Role.VIEWER)
    invitations.invite(team, ["new@example.com"], Role.VIEWER, users.actor(owner, "192.0.2.1"))
    flow_apps.save(team, "password", Login("guests", "seven quiet lanterns"), factories.TESTER)
    chats.save(flow, Shown(True, "Ask"), factories.TESTER)
    return Belongings(
        slug=team.slug,
        chatflow_id=flow.id,
        entry_id=FaqEntry.objects.get(chatflow=flow).pk,
        question_id=UnansweredQuestion.objects.create(
            chatflow=flow, question="Why?", digest="-", last_at=timezone.now()
        ).pk,
        key_id=key.id,
        account_id=account.id,
        member_id=Membership.objects.get(team=team, user=member).pk,
        invitation_id=Invitation.objects.of(team).get().pk,
        mail_id=factories.mail(team).pk,
        team_id=team.id,
    )


@pytest.mark.fast
def test_the_committed_table_is_the_generated_one() -> None:
    assert access_table.FILE.read_text() == access_table.text(), "run `make table`"


def test_every_cell_of_pages_is_true_and_a_refusal_writes_nothing(world: World) -> None:
    wrong = []
    for page in PAGES:
        for column, expected in page.cells.items():
            asker = world.askers[column]
            named = of_asker(world, page, asker)
            with undone():
                asker.happened()
                with writes() as written:
                    response = ask(world, page.method, filled(page.path, named), asker)
            found = word(response, page.path)
            if found != expected or (found != "yes" and written):
                wrong.append((page.method, page.path, column, expected, found, written))
    assert wrong == []


def test_another_teams_id_gets_the_answer_of_nobodys(world: World) -> None:
    wrong, asked = [], 0
    for page in PAGES:
        asker = let_in(world, page)
        own = of_asker(world, page, asker)
        for foreign, nobodys in strangers(world, page, own):
            asked += 1
            answers = [
                whole(ask_undone(world, page.method, filled(page.path, named), asker))
                for named in (foreign, nobodys)
            ]
            if answers[0] != answers[1] or answers[0][0] != 404:
                wrong.append((page.method, page.path, answers))
    assert wrong == []
    assert asked > len(PAGES)


def test_other_methods_are_refused_and_write_nothing(world: World) -> None:
    wrong = []
    for page in {page.path: page for page in PAGES}.values():
        asker = let_in(world, page)
        path = filled(page.path, of_asker(world, page, asker))
        own = {other.method for other in PAGES if other.path == page.path}
        for method in METHODS - own:
            with undone(), writes() as written:
                status = ask(world, method, path, asker).status_code
            is_led_back = status == 302 and method in ("GET", "HEAD") and own == {"POST"}
            if (status != 405 and not is_led_back) or written:
                wrong.append((method, page.path, status, written))
    assert wrong == []


def test_after_a_login_that_came_between_every_form_has_a_page(world: World) -> None:
    wrong = []
    for page in PAGES:
        if page.method != "POST" or page.cells["nobody"] != "login":
            continue
        asker = let_in(world, page)
        path = filled(page.path, of_asker(world, page, asker))
        to_login = ask_undone(world, "POST", path, world.askers["nobody"])
        back = parse_qs(urlsplit(to_login["Location"]).query)["next"][0]
        response = ask_undone(world, "GET", back, asker)
        if response.status_code not in (200, 302) or "/login/" in response.get("Location", ""):
            wrong.append((page.path, back, response.status_code))
    assert wrong == []


def test_head_is_answered_as_get_is(world: World) -> None:
    wrong = []
    for page in PAGES:
        if page.method == "GET":
            asker = let_in(world, page)
            path = filled(page.path, of_asker(world, page, asker))
            got, head = (ask_undone(world, method, path, asker) for method in ("GET", "HEAD"))
            if (head.status_code, [*head.headers]) != (got.status_code, [*got.headers]):
                wrong.append((path, got.status_code, head.status_code, [*head.headers]))
    assert wrong == []


def test_no_page_takes_a_form_without_its_token(world: World) -> None:
    strict = world._replace(handler=Client(enforce_csrf_checks=True))
    for page in PAGES:
        if page.method == "POST":
            asker = world.askers["owner"]
            path = filled(page.path, of_asker(world, page, asker))
            with undone(), writes() as written:
                response = ask(strict, "POST", path, asker)
            assert (response.status_code, written) == (403, []), page.path


def let_in(world: World, page: access_table.Page) -> Asker:
    """Someone who may open the page."""
    if page.policy.is_operators:
        return world.askers["operator"]
    return world.askers["visitor" if page.path.startswith("/flow/") else "owner"]


def of_asker(world: World, page: access_table.Page, asker: Asker) -> Belongings:
    own = replace(world.acme, digest=asker.digest)
    if page.path.startswith("/operator/mail/"):
        return replace(own, mail_id=world.installations_mail)
    return own


def filled(path: str, named: Belongings) -> str:
    return PARAMETER.sub(lambda found: str(getattr(named, found[2])), path)


def strangers(
    world: World, page: access_table.Page, own: Belongings
) -> Iterator[tuple[Belongings, Belongings]]:
    """For each id in the path: the other team's there, and nobody's. Teams are an operator's."""
    theirs: dict[str, Any] = asdict(replace(world.globex, digest=world.askers["stranger"].digest))
    for kind, name in PARAMETER.findall(page.path):
        if name in ("token", "proof", "team_id", "name") or (
            name == "slug" and page.path.startswith("/flow/")
        ):
            continue
        yield replace(own, **{name: theirs[name]}), replace(own, **{name: NOBODYS[kind]})


def ask(world: World, method: str, path: str, asker: Asker) -> HttpResponse:
    world.handler.cookies = SimpleCookie(asker.cookies)
    headers = {"Authorization": f"Bearer {asker.key}"} if asker.key else {}
    kind = "application/x-www-form-urlencoded"
    return world.handler.generic(method, path, content_type=kind, headers=headers)  # type: ignore[return-value]


def ask_undone(world: World, method: str, path: str, asker: Asker) -> HttpResponse:
    with undone():
        return ask(world, method, path, asker)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside leaves nothing behind."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def writes() -> Iterator[list[str]]:
    """The statements inside that change something."""
    found: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        if not OF_NO_WEIGHT.match(sql):
            found.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield found


def word(response: HttpResponse, path: str) -> str:
    """The table's word for an answer."""
    where = response.get("Location", "")
    if where.startswith("/login/?next="):
        return "login"
    if where.startswith("/reauthenticate/?next="):
        return "password"
    if path.startswith("/flow/<slug:slug>/<uuid:") and where == "/flow/acme/":
        return "flow"
    return "yes" if response.status_code in LET_IN else str(response.status_code)


def whole(response: HttpResponse) -> tuple[int, str, dict[str, str], str]:
    """An answer but for its id and the time."""
    headers = {name: value for name, value in response.items() if name != "X-Request-Id"}
    text = factories.without_id_and_time(response)
    cookies = re.sub(r"expires=[^;]+", "", response.cookies.output())
    return response.status_code, text, headers, cookies
