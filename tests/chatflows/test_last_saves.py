"""The last save never wins in silence: who saved meanwhile is named, and what was typed stays."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from chatflows.faq import entries
from chatflows.models import Chatflow
from tests import access_table, factories
from tests.forms import version_at

pytestmark = pytest.mark.django_db

ONE_KEY = "keys/<uuid:key_id>"
ONE = "chatflows/<uuid:chatflow_id>"
KEY_SCOPES = {"scopes": ["predictions:create"]}


class Form(NamedTuple):
    """A form that two people may have open: its page, what each of them types, and what is said."""

    name: str
    first: dict[str, Any]
    second: dict[str, Any]
    stored: str  # of the first, on the page of the second
    typed: str  # of the second, there too


# Each form that changes what another may change at the same time.
FORMS = {
    "/t/<slug:slug>/settings/": Form(
        "team_settings", {"name": "Alices"}, {"name": "Adams"}, "Alices", 'value="Adams"'
    ),
    "/operator/teams/<uuid:team_id>/rename/": Form(
        "operator_team_rename", {"name": "Alices"}, {"name": "Adams"}, "Alices", 'value="Adams"'
    ),
    "/t/<slug:slug>/members/<int:member_id>/role/": Form(
        "member_role", {"role": "editor"}, {"role": "admin"}, "Editor", 'value="admin"'
    ),
    "/t/<slug:slug>/service-accounts/<uuid:account_id>/save/": Form(
        "service_account_save",
        {"name": "Sync", "environment": "staging", "owner": "{owner}"},
        {"name": "Sync two", "environment": "production", "owner": "{owner}"},
        "<dt>Environment</dt><dd>Staging</dd>",
        'value="Sync two"',
    ),
    "/t/<slug:slug>/settings/flow-app/edit/": Form(
        "flow_app_edit",
        {"state": "open", "username": "", "password": ""},
        {"state": "password", "username": "guests", "password": "seven quiet lanterns"},
        "Type again what you typed under Password",
        'value="guests"',
    ),
    f"/t/<slug:slug>/{ONE}/settings/": Form(
        "chatflow_settings", {"name": "Alices"}, {"name": "Adams"}, "Alices", 'value="Adams"'
    ),
    f"/t/<slug:slug>/{ONE}/settings/hosted-chat/": Form(
        "hosted_chat_save",
        {"title": "Alices", "is_published": "on"},
        {"title": "Adams"},
        "<dt>Title</dt><dd>Alices</dd>",
        'value="Adams"',
    ),
    f"/t/<slug:slug>/{ONE}/engine/save/": Form(
        "engine_save",
        {"engine": "openai", "openai-base_url": "http://127.0.0.1:1/v1", "openai-model": "one"},
        {"engine": "openai", "openai-base_url": "http://127.0.0.1:1/v1", "openai-model": "two"},
        "<dt>Model</dt><dd>one</dd>",
        'value="two"',
    ),
    f"/t/<slug:slug>/{ONE}/engine/entries/<int:entry_id>/": Form(
        "faq_entry_update",
        {"question": "When?", "answer": "Alices"},
        {"question": "When?", "answer": "Adams"},
        "<dt>Answer</dt><dd>Alices</dd>",
        "Adams</textarea>",
    ),
    f"/t/<slug:slug>/{ONE}/engine/fallback/": Form(
        "faq_fallback_save", {"fallback": "Alices"}, {"fallback": "Adams"}, "Alices", "Adams</text"
    ),
    f"/t/<slug:slug>/{ONE_KEY}/edit/": Form(
        "key_edit_details",
        {"name": "Sync key", "environment": "staging", "note": "Alices"},
        {"name": "Sync key", "environment": "staging", "note": "Adams"},
        "<dt>Note</dt><dd>Alices</dd>",
        "Adams</textarea>",
    ),
    f"/t/<slug:slug>/{ONE_KEY}/limits/": Form(
        "key_edit_limits", {"limit_day": 5}, {"limit_day": 7}, "<dd>5</dd>", 'value="7"'
    ),
    f"/t/<slug:slug>/{ONE_KEY}/where-from/": Form(
        "key_edit_where",
        {"networks": "192.0.2.0/24"},
        {"networks": "127.0.0.0/8"},
        "<dd>192.0.2.0/24</dd>",
        "127.0.0.0/8</textarea>",
    ),
    f"/t/<slug:slug>/{ONE_KEY}/scopes/": Form(
        "key_edit_scopes",
        {"scopes": ["chatflows:view"]},
        {"scopes": ["predictions:create", "chatflows:view"]},
        "<dd>chatflows:view</dd>",
        'value="predictions:create"',
    ),
    f"/t/<slug:slug>/{ONE_KEY}/extend/": Form(
        "key_extend",
        {"until": "90"},
        {"until": "365"},
        "<dt>End</dt>",
        'value="365" autocomplete="off" checked',
    ),
    f"/t/<slug:slug>/{ONE_KEY}/pin/": Form(
        "key_pin",
        {"chatflow": "{other}"},
        {"chatflow": "{third}"},
        "pinned this key to another chatflow",
        "checked",
    ),
}
# Their own tests look at what these show of the other's change.
ELSEWHERE = {
    f"/t/<slug:slug>/{ONE}/access/": "tests/chatflows/views/test_access_page.py",
    "/t/<slug:slug>/settings/keys/": "tests/apikeys/life/test_policy_pages.py",
}
OWN = "a person's own, whom nobody else edits"
LINK = "the holder of a link or of a key, alone, and once"
ASKS = "asks or tests, and changes nothing"
MAKES = "makes something new, and overwrites nothing"
ENDS = "takes away or lets go on: done twice it is the same"
# What takes a POST without a version, and why no save is lost there.
WITHOUT = {
    **dict.fromkeys(("/login/", "/logout/", "/reauthenticate/", "/forgotten-password/"), OWN),
    **dict.fromkeys(("/profile/", "/profile/account/", "/profile/password/"), OWN),
    "/profile/sessions/<str:digest>/end/": ENDS,
    "/profile/sessions/end-others/": ENDS,
    **dict.fromkeys(
        ("/new-email/", "/password-reset/", "/join/", "/join/switch/", "/set-up/"), LINK
    ),
    **dict.fromkeys(("/key", "/key/leave", "/key/rotate", "/key/stop", "/key-undo/"), LINK),
    **dict.fromkeys(("/key-link/", "/key-contact/", "/leaked-key/"), LINK),
    **dict.fromkeys(("/operator/mail/test/", "/operator/audit/verify/"), ASKS),
    "/operator/mail/<uuid:mail_id>/retry/": ENDS,
    "/operator/teams/new/": MAKES,
    "/operator/teams/<uuid:team_id>/owner/": MAKES,
    "/operator/teams/<uuid:team_id>/suspend/": ENDS,
    "/operator/teams/<uuid:team_id>/unsuspend/": ENDS,
    "/operator/teams/<uuid:team_id>/delete/": ENDS,
    "/t/<slug:slug>/chatflows/<uuid:chatflow_id>/access/keys/": ASKS,
    "/t/<slug:slug>/keys/new/find/": ASKS,
    "/t/<slug:slug>/keys/<uuid:key_id>/find/": ASKS,
    "/t/<slug:slug>/members/names/": ASKS,
    "/t/<slug:slug>/service-accounts/names/": ASKS,
    "/flow/<slug:slug>/login/": OWN,
    "/flow/<slug:slug>/logout/": OWN,
    "/flow/<slug:slug>/<uuid:chatflow_id>/": ASKS,
    "/flow/<slug:slug>/<uuid:chatflow_id>/stream/": ASKS,
}
OF_TEAM = {
    "members/leave/": ENDS,
    "members/<int:member_id>/remove/": "carries what its page said of each key",
    "members/<int:member_id>/keys/": "carries what its page said of each key",
    "members/<int:member_id>/hand-over/": ENDS,
    "members/invitations/": MAKES,
    "members/invitations/<uuid:invitation_id>/resend/": MAKES,
    "members/invitations/<uuid:invitation_id>/withdraw/": ENDS,
    "mail/<uuid:mail_id>/retry/": ENDS,
    "audit/verify/": ASKS,
    "service-accounts/new/": MAKES,
    "service-accounts/<uuid:account_id>/disable/": ENDS,
    "service-accounts/<uuid:account_id>/enable/": ENDS,
    "service-accounts/<uuid:account_id>/delete/": ENDS,
    "keys/search/": ASKS,
    "keys/disable/": ENDS,
    "keys/enable/": ENDS,
    "keys/new/": MAKES,
    f"{ONE_KEY}/rotate/": "at most two secrets live: a second rotation is refused",
    f"{ONE_KEY}/hand-over/": "a new link replaces the last one, which the page shows",
    f"{ONE_KEY}/hand-over/end/": ENDS,
    f"{ONE_KEY}/retire/": "names the secret that it ends",
    f"{ONE_KEY}/overlap/": "adds hours to what stands",
    f"{ONE_KEY}/issue/": "a key without a secret gets one; a second is refused",
    f"{ONE_KEY}/disable/": ENDS,
    f"{ONE_KEY}/enable/": ENDS,
    f"{ONE_KEY}/delete/": ENDS,
    f"{ONE_KEY}/revoke/": ENDS,
    f"{ONE_KEY}/chatflows/": "sends what was there, and changes only the difference",
    f"{ONE_KEY}/origins/add/": "adds one origin to what stands",
    f"{ONE_KEY}/origins/remove/": "removes one origin from what stands",
    f"{ONE_KEY}/contact/resend/": MAKES,
    "chatflows/new/": MAKES,
    f"{ONE}/engine/test/": ASKS,
    f"{ONE}/engine/models/": ASKS,
    f"{ONE}/engine/entries/": MAKES,
    f"{ONE}/engine/entries/<int:entry_id>/delete/": "has an Undo, which puts the last text back",
    f"{ONE}/engine/entries/<int:entry_id>/restore/": ENDS,
    f"{ONE}/engine/import/": ASKS,
    f"{ONE}/engine/import/save/": "shows before what it replaces, and answers what it replaced",
    f"{ONE}/engine/unanswered/<int:question_id>/dismiss/": ENDS,
    f"{ONE}/engine/unanswered/<int:question_id>/restore/": ENDS,
    f"{ONE}/try/": ASKS,
    f"{ONE}/try/stream/": ASKS,
    f"{ONE}/delete/": ENDS,
}
WITHOUT |= {f"/t/<slug:slug>/{path}": why for path, why in OF_TEAM.items()}


class Office(NamedTuple):
    """Two admins in two browsers, and the addresses of what they both look at."""

    alice: Client
    adam: Client
    address: Callable[[str], str]
    ids: dict[str, Any]


@pytest.fixture
def office(acme: Team, alice: User, faq: Chatflow) -> Office:
    adam, member = factories.user("adam"), factories.user("maria")
    factories.join(acme, adam, Role.OWNER)
    factories.join(acme, member, Role.VIEWER)
    User.objects.filter(pk__in=(alice.pk, adam.pk)).update(is_operator=True)
    flows = [factories.chatflow(acme, name) for name in ("Other", "Third")]
    key, _ = factories.key(acme, "Sync key", faq)
    pinned, _ = factories.publishable(acme, "Shop", faq)
    about = About("Sync", "production", owner=alice)
    account = service_accounts.create(acme, about, factories.TESTER)
    known = {
        "slug": acme.slug,
        "team_id": acme.id,
        "member_id": Membership.objects.get(user=member).pk,
        "account_id": account.id,
        "chatflow_id": faq.id,
        "entry_id": entries.add(faq, "When?", "Now.", factories.TESTER).pk,
        "key_id": key.id,
    }

    def address(name: str) -> str:
        path = next(path for path, form in FORMS.items() if form.name == name)
        ids = known | ({"key_id": pinned.id} if name == "key_pin" else {})
        return reverse(name, kwargs={each: ids[each] for each in ids if f":{each}>" in path})

    ids = {"owner": alice.username, "other": flows[0].id, "third": flows[1].id, "home": faq.id}
    return Office(
        factories.client(alice, is_fresh=True), factories.client(adam, is_fresh=True), address, ids
    )


def filled(data: dict[str, Any], ids: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.format(**ids) if isinstance(value, str) else value
        for name, value in data.items()
    }


@pytest.mark.parametrize("form", FORMS.values(), ids=[form.name for form in FORMS.values()])
def test_the_second_save_is_refused_and_loses_nothing(office: Office, form: Form) -> None:
    url = office.address(form.name)
    seen = version_at(office.alice, url)
    assert seen
    first = office.alice.post(url, {"version": seen, **filled(form.first, office.ids)})
    assert first.status_code == 302
    typed = filled(form.second, office.ids)
    refused = office.adam.post(url, {"version": seen, **typed})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "alice" in page.split("since you opened this page, so nothing is saved yet")[0][-200:]
    assert form.stored in page
    assert form.typed in page
    again = office.adam.post(url, {"version": version_at(office.adam, url), **typed})
    assert again.status_code == 302


@pytest.mark.parametrize("form", FORMS.values(), ids=[form.name for form in FORMS.values()])
def test_a_form_without_its_version_saves_nothing(office: Office, form: Form) -> None:
    url = office.address(form.name)
    before = version_at(office.alice, url)
    typed = filled(form.second, office.ids)
    assert office.alice.post(url, typed).status_code == 422
    assert office.alice.post(url, {"version": "x", **typed}).status_code == 422
    assert version_at(office.alice, url) == before


def test_a_save_of_an_answer_that_was_deleted_loses_no_text(office: Office) -> None:
    url = office.address("faq_entry_update")
    office.adam.post(f"{url}delete/")
    refused = office.alice.post(url, {"version": "x", "question": "When?", "answer": "I typed it."})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "adam deleted this answer since you opened this page" in page
    assert "I typed it.</textarea>" in page
    elsewhere = url.replace(str(office.ids["home"]), str(office.ids["other"]))
    assert office.alice.post(elsewhere, {"question": "q", "answer": "a"}).status_code == 404


def test_each_form_has_a_version_or_a_reason() -> None:
    taken = {page.path for page in access_table.pages() if page.method == "POST"}
    assert taken == FORMS.keys() | ELSEWHERE.keys() | WITHOUT.keys()
    assert not FORMS.keys() & WITHOUT.keys()


def test_an_own_save_of_what_stands_is_no_conflict(office: Office) -> None:
    url = office.address("team_settings")
    seen = version_at(office.alice, url)
    for _ in range(2):
        assert office.alice.post(url, {"name": "Acme", "version": seen}).status_code == 302
