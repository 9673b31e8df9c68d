"""The flow app's settings: who may come in, what is published, and what the environment sets."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import audit
from accounts.models import AuditEvent, Team, User
from accounts.permissions import Actor
from chatflows.flow_app import chats, flow_apps, visits
from chatflows.flow_app.chats import Shown
from chatflows.flow_app.flow_apps import Login, SetElsewhere
from chatflows.models import Chatflow, FlowApp, FlowAppState, FlowSession, HostedChat
from config import preparation
from tests import factories
from tests.forms import send

PASSWORD = "seven quiet lanterns"
LOGIN = Login("guests", PASSWORD)
EDIT = {"state": "password", "username": "guests", "password": PASSWORD}


def page(name: str = "flow_app_edit") -> str:
    return reverse(name, args=["acme"])


def on(team: Team, state: str = "password") -> FlowApp:
    return flow_apps.save(team, state, LOGIN, factories.TESTER)


def test_a_team_has_it_off(as_alice: Client, acme: Team) -> None:
    assert flow_apps.of(acme).state == FlowAppState.OFF
    body = as_alice.get(page("flow_app")).content.decode()
    assert '<span class="badge">Off</span>' in body
    assert "Nothing is published yet" in body


def test_an_owner_turns_it_on_and_the_password_is_nowhere(as_alice: Client, acme: Team) -> None:
    response = send(as_alice, page(), EDIT, follow=True)
    assert response.redirect_chain == [(page("flow_app"), 302)]
    app = flow_apps.of(acme)
    assert (app.state, app.username) == ("password", "guests")
    assert PASSWORD not in response.content.decode()
    assert PASSWORD not in factories.dump()
    assert visits.log_in("acme", "guests", PASSWORD, "192.0.2.1")


def test_the_audit_trail_tells_it_without_a_secret(acme: Team) -> None:
    app = on(acme)
    event = AuditEvent.objects.filter(action="flow_app.update").get()
    assert event.after == {
        "state": "password",
        "username": "guests",
        "is_password_set": True,
        "is_from_environment": False,
        "is_login_new": True,
    }
    assert app.password_hash not in json.dumps(event.after)
    assert audit.verify(acme.id) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "short"}, "at least 12"),
        ({"password": "é" * 4000}, "4,096 bytes"),
        ({"password": "flowlatch123"}, "close to a word"),
        ({"password": "password1234"}, "close to a word"),
        ({"password": ""}, "Set a username and a password"),
        ({"username": ""}, "Choose a username"),
        ({"username": "two\nlines"}, "visible characters"),
        ({"username": "x" * 65}, "64 characters"),
        ({"username": "nul\0"}, "can&#x27;t be stored"),
        ({"state": "ajar"}, "Choose one of the list"),
        ({"state": ""}, "Fill this in"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_input_is_named_and_changes_nothing(
    as_alice: Client, acme: Team, change: dict[str, str], words: str
) -> None:
    response = send(as_alice, page(), {**EDIT, **change})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not FlowApp.objects.filter(version__gt=1).exists()
    assert not FlowApp.objects.exclude(state="off").exists()


def test_an_empty_password_leaves_the_one_that_is_set(as_alice: Client, acme: Team) -> None:
    was = on(acme)
    send(as_alice, page(), {**EDIT, "username": "visitors", "password": ""})
    app = flow_apps.of(acme)
    assert (app.username, app.password_hash) == ("visitors", was.password_hash)
    assert app.version == was.version + 1


def test_open_needs_no_password_and_says_so(as_alice: Client, acme: Team) -> None:
    send(as_alice, page(), {"state": "open", "username": "", "password": ""})
    assert flow_apps.of(acme).state == FlowAppState.OPEN
    assert (
        "Everyone who has the address comes in" in as_alice.get(page("flow_app")).content.decode()
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda team: flow_apps.save(team, "off", None, factories.TESTER),
        lambda team: flow_apps.save(team, "open", None, factories.TESTER),
        lambda team: flow_apps.save(team, "password", Login("others"), factories.TESTER),
        lambda team: flow_apps.save(
            team, "password", Login("guests", PASSWORD + "!"), factories.TESTER
        ),
    ],
    ids=["off", "open", "username", "password"],
)
def test_each_change_ends_every_visit(acme: Team, change: Callable[[Team], object]) -> None:
    on(acme)
    visits.log_in("acme", "guests", PASSWORD, "192.0.2.1")
    change(acme)
    assert not FlowSession.objects.exists()


def test_nobody_waits_while_its_password_is_hashed(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = len(connection.atomic_blocks)
    depths: list[int] = []

    def noted(password: str) -> str:
        depths.append(len(connection.atomic_blocks))
        return make_password(password)

    monkeypatch.setattr("chatflows.flow_app.flow_apps.make_password", noted)
    on(acme)
    assert depths == [outside]


def test_saving_the_same_again_ends_no_visit(acme: Team) -> None:
    on(acme)
    visits.log_in("acme", "guests", PASSWORD, "192.0.2.1")
    flow_apps.save(acme, "password", Login("guests"), factories.TESTER)
    assert FlowSession.objects.exists()
    assert AuditEvent.objects.filter(action="flow_app.update").count() == 1


def test_a_login_that_was_checked_before_the_change_opens_nothing_after(acme: Team) -> None:
    read_before = on(acme)
    flow_apps.save(acme, "password", Login("guests", PASSWORD + "!"), factories.TESTER)
    _, cookie = visits.begin(read_before)
    assert visits.enter("acme", cookie) is None


def test_who_may_change_it(
    as_alice: Client, as_eddie: Client, as_vera: Client, as_mallory: Client, adam: User
) -> None:
    as_adam = factories.client(adam, is_fresh=True)
    for name in ("flow_app", "flow_app_edit"):
        assert as_adam.get(page(name)).status_code == 200
        assert as_eddie.get(page(name)).status_code == 403
        assert as_vera.get(page(name)).status_code == 403
        assert as_mallory.get(page(name)).status_code == 404
    assert as_eddie.post(page(), EDIT).status_code == 403
    assert as_mallory.post(page(), EDIT).status_code == 404
    assert not FlowApp.objects.exists()


def test_a_change_wants_a_fresh_login(alice: User) -> None:
    stale = factories.client(alice)
    assert stale.get(page("flow_app")).status_code == 200
    assert "/reauthenticate/" in stale.get(page())["Location"]
    assert "/reauthenticate/" in stale.post(page(), EDIT)["Location"]
    assert not FlowApp.objects.exists()


# What is published.

HOSTED = {"is_published": "on", "title": "Ask us", "welcome": "Hello.", "starters": "When?\nWhere?"}


def test_an_editor_publishes_a_chatflow_and_takes_it_back(
    as_eddie: Client, acme: Team, faq: Chatflow
) -> None:
    where = reverse("hosted_chat_save", args=["acme", faq.id])
    send(as_eddie, where, HOSTED)
    chat = HostedChat.objects.shown_by(acme).get()
    assert (chat.title, chat.starter_lines) == ("Ask us", ["When?", "Where?"])
    send(as_eddie, where, {**HOSTED, "is_published": ""})
    assert not HostedChat.objects.shown_by(acme).exists()
    told = [(e.before, e.after) for e in AuditEvent.objects.filter(action__contains="hosted")]
    assert [(b and b["is_published"], a and a["is_published"]) for b, a in told] == [
        (None, True),
        (True, False),
    ]


def test_the_settings_page_says_where_it_stands(
    as_eddie: Client, acme: Team, faq: Chatflow
) -> None:
    where = reverse("chatflow_settings", args=["acme", faq.id])
    body = as_eddie.get(where).content.decode()
    assert "Not published" in body
    assert f'value="{faq.name}"' in body
    chats.save(faq, Shown(True, "Ask us"), factories.TESTER)
    assert "flow app is off" in as_eddie.get(where).content.decode()
    on(acme, "open")
    assert "Open to everyone" in as_eddie.get(where).content.decode()


@pytest.mark.parametrize(
    "change",
    [{"title": ""}, {"title": "x" * 81}, {"welcome": "x" * 501}, {"starters": "x" * 501}],
    ids=lambda change: str(change)[:20],
)
def test_what_is_too_long_or_missing_is_not_published(
    as_eddie: Client, faq: Chatflow, change: dict[str, str]
) -> None:
    where = reverse("hosted_chat_save", args=["acme", faq.id])
    assert send(as_eddie, where, {**HOSTED, **change}).status_code == 422
    assert not HostedChat.objects.exists()


def test_strangers_and_viewers_publish_nothing(
    as_vera: Client, as_mallory: Client, faq: Chatflow, globex: Team
) -> None:
    where = reverse("hosted_chat_save", args=["acme", faq.id])
    assert as_vera.post(where, HOSTED).status_code == 403
    assert as_mallory.post(where, HOSTED).status_code == 404
    foreign = reverse("hosted_chat_save", args=["globex", faq.id])
    assert as_mallory.post(foreign, HOSTED).status_code == 404
    assert not HostedChat.objects.exists()


# The environment.

STARTER = Actor("system", "start", "first start")


def test_the_environment_sets_the_login_and_turns_it_on(acme: Team) -> None:
    flow_apps.from_environment(acme, LOGIN, STARTER)
    app = flow_apps.of(acme)
    assert (app.state, app.username, app.is_from_environment) == ("password", "guests", True)
    assert PASSWORD not in factories.dump()


def test_a_second_start_changes_nothing(acme: Team) -> None:
    flow_apps.from_environment(acme, LOGIN, STARTER)
    visits.log_in("acme", "guests", PASSWORD, "192.0.2.1")
    before = factories.dump()
    flow_apps.from_environment(acme, LOGIN, STARTER)
    assert factories.dump() == before


def test_what_a_member_turned_off_a_start_does_not_turn_on(acme: Team) -> None:
    flow_apps.from_environment(acme, LOGIN, STARTER)
    flow_apps.save(acme, "off", None, factories.TESTER)
    flow_apps.from_environment(acme, LOGIN, STARTER)
    assert flow_apps.of(acme).state == FlowAppState.OFF


def test_another_password_there_ends_the_visits(acme: Team) -> None:
    flow_apps.from_environment(acme, LOGIN, STARTER)
    visits.log_in("acme", "guests", PASSWORD, "192.0.2.1")
    flow_apps.from_environment(acme, Login("guests", PASSWORD + "!"), STARTER)
    assert not FlowSession.objects.exists()


def test_without_it_what_came_from_there_is_gone(acme: Team) -> None:
    flow_apps.from_environment(acme, LOGIN, STARTER)
    flow_apps.from_environment(acme, None, STARTER)
    app = flow_apps.of(acme)
    assert (app.state, app.username, app.password_hash) == ("off", "", "")


def test_without_it_what_a_member_set_stays(acme: Team) -> None:
    on(acme)
    before = factories.dump()
    flow_apps.from_environment(acme, None, STARTER)
    assert factories.dump() == before


@pytest.mark.parametrize(
    "password", ["short", "x" * 4097, "password1234", "\udcff" * 12], ids=ascii
)
def test_a_bad_one_there_is_refused(acme: Team, password: str) -> None:
    with pytest.raises(ValidationError):
        flow_apps.from_environment(acme, Login("guests", password), STARTER)


def test_the_page_shows_it_and_cannot_change_it(as_alice: Client, acme: Team) -> None:
    flow_apps.from_environment(acme, LOGIN, STARTER)
    body = as_alice.get(page()).content.decode()
    assert "set by the environment" in body
    assert 'name="password"' not in body
    send(as_alice, page(), {"state": "open", "username": "eve", "password": "another long one"})
    app = flow_apps.of(acme)
    assert (app.state, app.username) == ("open", "guests")
    with pytest.raises(SetElsewhere):
        flow_apps.save(acme, "password", LOGIN, factories.TESTER)


@pytest.mark.parametrize(
    ("username", "password"),
    [("guests", ""), ("", PASSWORD), (" ", PASSWORD), ("guests", "short"), ("a\nb", PASSWORD)],
    ids=ascii,
)
def test_a_start_with_half_a_login_or_a_bad_one_stops_with_one_line(
    acme: Team, settings: Any, username: str, password: str
) -> None:
    settings.FLOW_USERNAME, settings.FLOW_PASSWORD = username, password
    with pytest.raises(preparation.CannotStart, match=r"\A[^\n]*FLOW_USERNAME[^\n]*\Z") as told:
        preparation._flow_app()
    assert PASSWORD not in str(told.value)
    assert not FlowApp.objects.exists()
