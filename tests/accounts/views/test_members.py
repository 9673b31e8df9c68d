"""Members: who may change, remove, leave and hand over; one owner always stays."""

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts import audit
from accounts.models import AuditEvent, Invitation, Membership, Role, Session, Team, User
from accounts.permissions import Actor
from accounts.services import invitations, members
from accounts.signals import membership_changed
from tests import factories
from tests.forms import send

pytestmark = pytest.mark.django_db

LIST = "/t/acme/members/"


def place(person: User) -> Membership:
    return Membership.objects.get(user=person, team__slug="acme")


def actor(person: User) -> Actor:
    return Actor("person", str(person.pk), person.username, "192.0.2.1")


def url(person: User, what: str) -> str:
    return f"{LIST}{place(person).pk}/{what}/"


def last(team: Team) -> AuditEvent:
    assert audit.verify(team.id) is None
    return AuditEvent.objects.filter(team_id=team.id).latest("sequence")


@pytest.fixture
def as_adam(adam: User) -> Client:
    return factories.client(adam, is_fresh=True)


@pytest.fixture(autouse=True)
def everyone(alice: User, adam: User, eddie: User, vera: User) -> None:
    """The whole cast is in acme."""


#            actor    may give to or take from
REACH = {
    "alice": {"alice", "adam", "eddie", "vera"},
    "adam": {"adam", "eddie", "vera"},
    "eddie": set[str](),
    "vera": set[str](),
}


@pytest.mark.parametrize("who", REACH)
@pytest.mark.parametrize("whom", ["alice", "adam", "eddie", "vera"])
def test_nobody_acts_on_one_above_himself(who: str, whom: str) -> None:
    factories.join(Team.objects.get(), factories.user("olga"), Role.OWNER)
    by, of = User.objects.get(username=who), User.objects.get(username=whom)
    before = factories.dump()
    if whom in REACH[who]:
        members.change_role(place(of), Role.VIEWER, actor(by))
        assert place(of).role == Role.VIEWER
        return
    with pytest.raises(PermissionDenied):
        members.change_role(place(of), Role.VIEWER, actor(by))
    with pytest.raises(PermissionDenied):
        members.remove(place(of), actor(by))
    assert factories.dump() == before


@pytest.mark.parametrize("who", ["adam", "eddie", "vera"])
def test_nobody_raises_himself_or_gives_more_than_he_has(who: str, vera: User) -> None:
    by = User.objects.get(username=who)
    for whom in (by, vera):
        with pytest.raises(PermissionDenied):
            members.change_role(place(whom), Role.OWNER, actor(by))
    assert Membership.objects.get(role=Role.OWNER).user.username == "alice"


def test_the_role_counts_as_it_is_now_and_not_as_the_page_showed_it(
    as_adam: Client, adam: User, vera: User
) -> None:
    Membership.objects.filter(user=adam).update(role=Role.VIEWER)
    assert as_adam.post(url(vera, "role"), {"role": "editor"}).status_code == 403
    with pytest.raises(PermissionDenied):
        members.change_role(place(vera), Role.EDITOR, actor(adam))


def test_a_member_of_another_team_is_a_stranger_here(
    globex: Team, mallory: User, vera: User
) -> None:
    with pytest.raises(PermissionDenied):
        members.remove(place(vera), actor(mallory))


def test_a_change_of_role_is_in_the_trail_with_before_and_after(
    acme: Team, alice: User, vera: User
) -> None:
    members.change_role(place(vera), Role.EDITOR, actor(alice))
    event = last(acme)
    assert (event.action, event.actor_name, event.target_name) == (
        "membership.update",
        "alice",
        "vera",
    )
    assert (event.before, event.after) == ({"role": "viewer"}, {"role": "editor"})


def test_the_last_owner_stays(alice: User, as_alice: Client) -> None:
    with pytest.raises(members.LastOwner):
        members.change_role(place(alice), Role.ADMIN, actor(alice))
    with pytest.raises(members.LastOwner):
        members.leave(Team.objects.get(), alice, actor(alice))
    with pytest.raises(members.LastOwner):
        members.remove(place(alice), factories.TESTER)
    assert b"at least one owner" in as_alice.post(f"{LIST}leave/").content
    assert b"at least one owner" in send(as_alice, url(alice, "role"), {"role": "admin"}).content
    assert place(alice).role == Role.OWNER


def test_an_owner_who_cannot_log_in_is_none_to_count_on(alice: User, acme: Team) -> None:
    olga = factories.user("olga")
    factories.join(acme, olga, Role.OWNER)
    User.objects.filter(pk=olga.pk).update(is_active=False)
    with pytest.raises(members.LastOwner):
        members.leave(acme, alice, actor(alice))


def test_who_may_see_mail_is_told_of_mails_in_trouble(
    as_alice: Client, as_vera: Client, acme: Team, globex: Team
) -> None:
    factories.mail(globex, last_error="refused")
    assert b"could not be sent" not in as_alice.get(LIST).content
    factories.mail(acme, last_error="refused")
    assert b"1 mail could not be sent" in as_alice.get(LIST).content
    assert b"could not be sent" not in as_vera.get(LIST).content


def test_a_removed_person_is_out_with_the_next_request(
    as_alice: Client, as_vera: Client, vera: User, acme: Team, globex: Team
) -> None:
    factories.join(globex, vera, Role.VIEWER)
    assert as_vera.get(LIST).status_code == 200
    assert as_alice.post(url(vera, "remove")).status_code == 302
    assert as_vera.get(LIST).status_code == 404
    assert as_vera.get("/t/globex/members/").status_code == 200
    assert last(acme).action == "membership.delete"


def test_removal_from_the_last_team_ends_every_session(
    as_alice: Client, as_vera: Client, vera: User
) -> None:
    elsewhere = factories.client(vera)
    as_alice.post(url(vera, "remove"))
    assert not Session.objects.filter(user=vera).exists()
    for browser in (as_vera, elsewhere):
        assert browser.get(LIST)["Location"].startswith("/login/")
    assert as_alice.get(LIST).status_code == 200


def test_a_removal_that_fails_ends_no_session(
    as_vera: Client, vera: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(membership_changed, "send", fail)
    with pytest.raises(RuntimeError):
        members.remove(place(vera), factories.TESTER)
    assert as_vera.get(LIST).status_code == 200


def test_someone_who_left_is_out_and_can_say_so(
    as_vera: Client, vera: User, acme: Team, globex: Team
) -> None:
    factories.join(globex, vera, Role.VIEWER)
    assert as_vera.post(f"{LIST}leave/")["Location"] == "/"
    assert as_vera.get(LIST).status_code == 404
    assert as_vera.get("/t/globex/members/").status_code == 200
    event = last(acme)
    assert (event.action, event.actor_name) == ("membership.leave", "vera")


def test_leaving_the_last_team_logs_out(as_vera: Client, vera: User) -> None:
    response = as_vera.post(f"{LIST}leave/", follow=True)
    assert response.redirect_chain == [("/", 302), ("/login/", 302)]
    assert b"You left Acme." in response.content
    assert not Session.objects.filter(user=vera).exists()


def test_handing_over_swaps_owner_and_admin(as_alice: Client, adam: User, alice: User) -> None:
    assert as_alice.post(url(adam, "hand-over")).status_code == 302
    assert (place(adam).role, place(alice).role) == (Role.OWNER, Role.ADMIN)
    event = last(Team.objects.get())
    assert (event.action, event.before, event.after) == (
        "team.transfer",
        {"owner": "alice"},
        {"owner": "adam"},
    )
    assert as_alice.post(url(adam, "hand-over")).status_code == 403


def test_handing_over_to_oneself_changes_nothing(as_alice: Client, alice: User) -> None:
    assert as_alice.post(url(alice, "hand-over")).status_code == 403
    assert place(alice).role == Role.OWNER


def test_a_team_is_not_handed_over_to_someone_who_cannot_log_in(
    as_alice: Client, alice: User, adam: User
) -> None:
    assert url(adam, "hand-over") in as_alice.get(LIST).content.decode()
    User.objects.filter(pk=adam.pk).update(is_active=False)
    assert url(adam, "hand-over") not in as_alice.get(LIST).content.decode()
    before = set(Membership.objects.values_list("user__username", "role"))
    response = as_alice.post(url(adam, "hand-over"))
    assert response.status_code == 422
    assert "adam cannot log in" in response.content.decode()
    assert set(Membership.objects.values_list("user__username", "role")) == before


def test_owner_changes_ask_for_a_fresh_login(alice: User, adam: User, acme: Team) -> None:
    olga = factories.user("olga")
    factories.join(acme, olga, Role.OWNER)
    stale = factories.client(alice)
    before = set(Membership.objects.values_list("user__username", "role"))
    for path, data in (
        (url(adam, "hand-over"), {}),
        (url(adam, "role"), {"role": "owner"}),
        (url(olga, "role"), {"role": "viewer"}),
        (url(olga, "remove"), {}),
        (f"{LIST}invitations/", {"addresses": "new@example.com", "role": "owner"}),
    ):
        assert "/reauthenticate/" in send(stale, path, data)["Location"]
    assert set(Membership.objects.values_list("user__username", "role")) == before
    assert not Invitation.objects.exists()
    assert send(stale, url(adam, "role"), {"role": "viewer"})["Location"] == LIST


@pytest.mark.parametrize("what", ["role", "remove", "hand-over"])
def test_a_member_of_another_team_cannot_be_named(
    as_alice: Client, globex: Team, mallory: User, what: str
) -> None:
    foreign = Membership.objects.get(user=mallory)
    for member_id in (foreign.pk, 10**9, 10**30):
        for answer in (
            as_alice.get(f"{LIST}{member_id}/{what}/"),
            as_alice.post(f"{LIST}{member_id}/{what}/", {"role": "viewer"}),
        ):
            assert answer.status_code == 404
    assert Membership.objects.get(user=mallory).role == Role.OWNER


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"role": ""},
        {"role": "superuser"},
        {"role": ["editor", "admin"]},
        {"role": "editor", "team": "globex"},
        {"role": "editor", "user": "1"},
        {"role": "editor", "is_operator": "on"},
        {"role": "OWNER"},
        {"role": "editor\0"},
    ],
    ids=str,
)
def test_what_is_added_to_the_role_form_is_refused(
    as_alice: Client, vera: User, data: dict[str, object]
) -> None:
    before = factories.dump()
    assert send(as_alice, url(vera, "role"), data).status_code == 422
    assert factories.dump() == before


def test_an_admin_is_offered_no_owner_and_no_owners_menu(
    as_adam: Client, alice: User, vera: User
) -> None:
    page = as_adam.get(LIST).content.decode()
    assert url(vera, "role") in page
    assert url(alice, "role") not in page
    assert "hand-over" not in page
    assert 'value="owner"' not in page.partition('role="search"')[0]  # of the invitation
    assert 'value="owner"' not in as_adam.get(url(vera, "role")).content.decode()
    assert as_adam.post(url(vera, "role"), {"role": "owner"}).status_code == 422
    assert as_adam.get(url(alice, "remove")).status_code == 403


def test_a_viewer_sees_who_is_here_without_their_addresses(
    as_vera: Client, as_adam: Client, alice: User
) -> None:
    members.lock(Team.objects.get())
    invitations.invite(Team.objects.get(), ["new@example.com"], Role.VIEWER, actor(alice))
    page = as_vera.get(LIST).content.decode()
    assert all(name in page for name in ("alice", "adam", "eddie", "vera"))
    assert "adam@example.com" not in page
    assert "new@example.com" not in page
    assert "Invite someone" not in page
    told = as_adam.get(LIST).content.decode()
    assert "alice@example.com" in told
    assert "new@example.com" in told


def test_what_a_lowered_or_removed_person_vouched_for_is_withdrawn(
    acme: Team, alice: User, adam: User
) -> None:
    for address in ("one@example.com", "two@example.com"):
        invitations.invite(acme, [address], Role.ADMIN, actor(adam))
    invitations.invite(acme, ["three@example.com"], Role.VIEWER, actor(alice))
    members.change_role(place(adam), Role.EDITOR, actor(alice))
    left = Invitation.objects.of(acme).open()
    assert [invitation.email for invitation in left] == ["three@example.com"]
    withdrawn = AuditEvent.objects.filter(team_id=acme.id, action="invitation.withdraw")
    assert {event.target_name for event in withdrawn} == {"one@example.com", "two@example.com"}
    assert audit.verify(acme.id) is None
