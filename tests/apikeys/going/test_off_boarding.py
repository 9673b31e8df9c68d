"""Off-boarding under tampering, races and very many keys: refused whole, or nothing is lost."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts import audit
from accounts.held_keys import Choice, Choices, UnknownChoice, Way
from accounts.models import AuditEvent, Membership, Role, Team, User
from accounts.permissions import Actor
from accounts.services import members, off_boarding, service_accounts
from accounts.services.service_accounts import About
from apikeys.models import ApiKey, KeyPolicy, KeySecret, Kind
from apikeys.services import keys
from apikeys.services import off_boarding as sheets
from apikeys.services.life import rotation
from tests import factories
from tests.accounts.views.sheets import drawn, url, way

pytestmark = pytest.mark.django_db

Change = Callable[[dict[str, str], ApiKey], dict[str, str]]
DAY = timedelta(days=1)


def actor(person: User) -> Actor:
    return Actor("person", str(person.pk), person.username, "192.0.2.1")


def made_by(person: User, name: str, team: Team) -> ApiKey:
    key, _ = keys.add(team, name, actor(person), created_by=person)
    return key


def chosen(ways: dict[ApiKey, Choice], **more: object) -> Choices:
    values = {"drawn_at": timezone.now(), "overlap": DAY, **more}
    return Choices(keys={key.id: choice for key, choice in ways.items()}, **values)  # type: ignore[arg-type]


def place(person: User) -> Membership:
    return Membership.objects.get(user=person, team__slug="acme")


def is_usable(key: ApiKey) -> bool:
    return ApiKey.objects.usable().filter(pk=key.pk).exists()


@pytest.fixture
def as_adam(adam: User) -> Client:
    return factories.client(adam, is_fresh=True)


@pytest.fixture
def crm(acme: Team, eddie: User) -> ApiKey:
    return made_by(eddie, "crm-sync", acme)


# What a form may bring beside what was drawn.
TAMPERED: dict[str, Change] = {
    "an unknown verb": lambda sent, key: {**sent, way(key): "destroy"},
    "a way for many alone": lambda sent, key: {**sent, way(key): "advised"},
    "an id of no key": lambda sent, _: {**sent, f"key-{uuid4()}": "revoke"},
    "an id of no account": lambda sent, _: {**sent, f"account-{uuid4()}": "revoke"},
    "an id in capitals": lambda sent, key: {**sent, f"key-{str(key.id).upper()}": "revoke"},
    "a field of ours": lambda sent, _: {**sent, "team": "globex"},
    "an overlap of ten years": lambda sent, _: {**sent, "overlap": "3650-days"},
    "a moment that is none": lambda sent, _: {**sent, "drawn_at": "yesterday"},
    "given to nobody": lambda sent, key: {**sent, way(key): "give", f"{way(key)}-to": ""},
    "given to a NUL": lambda sent, key: {**sent, way(key): "give", f"{way(key)}-to": "\0"},
    "given to a stranger": lambda sent, key: {
        **sent,
        way(key): "give",
        f"{way(key)}-to": "mallory",
    },
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_form_is_refused_whole(
    as_adam: Client, eddie: User, crm: ApiKey, acme: Team, what: str
) -> None:
    made_by(eddie, "second", acme)
    address = url(eddie, "remove")
    sent = TAMPERED[what](drawn(as_adam, address), crm)
    before = factories.state()
    assert as_adam.post(address, sent).status_code == 422
    assert factories.state() == before


def test_a_key_of_another_team_is_like_one_that_never_was(
    as_adam: Client, eddie: User, crm: ApiKey, globex: Team, mallory: User
) -> None:
    theirs = made_by(mallory, "theirs", globex)
    machine = service_accounts.create(
        globex, About("machine", "production", owner=mallory), factories.TESTER
    )
    address = url(eddie, "remove")
    sent = drawn(as_adam, address)
    before = factories.state()
    foreign = (f"key-{theirs.id}", f"account-{machine.id}", f"key-{uuid4()}", f"account-{uuid4()}")
    answers = [as_adam.post(address, {**sent, name: "revoke"}) for name in foreign]
    assert {answer.status_code for answer in answers} == {422}
    assert all("Something was added" in answer.content.decode() for answer in answers)
    assert factories.state() == before
    gift = chosen({crm: Choice(Way.GIVE, mallory)})
    with pytest.raises(UnknownChoice):
        off_boarding.remove(place(eddie), gift, factories.TESTER)
    assert factories.state() == before


def test_a_key_that_is_not_on_the_sheet_is_left_alone(
    adam: User, eddie: User, alice: User, acme: Team
) -> None:
    hers = made_by(alice, "hers", acme)
    off_boarding.remove(place(eddie), chosen({hers: Choice(Way.REVOKE)}), actor(adam))
    assert is_usable(hers)


def test_nobody_chooses_more_than_the_role_may_now(eddie: User, vera: User, crm: ApiKey) -> None:
    before = factories.dump()
    for by in (eddie, vera):
        with pytest.raises(members.NotAllowed):
            off_boarding.remove(place(eddie), chosen({crm: Choice(Way.KEEP)}), actor(by))
        with pytest.raises(members.NotAllowed):
            off_boarding.carry_out(place(eddie), chosen({crm: Choice(Way.REVOKE)}), actor(by))
    assert factories.dump() == before
    Membership.objects.filter(user=eddie).update(role=Role.VIEWER)
    before = factories.dump()
    for kind in (Way.GIVE, Way.ROTATE, Way.REVOKE):
        with pytest.raises(members.NotAllowed):
            off_boarding.leave(place(eddie), chosen({crm: Choice(kind, vera)}), actor(eddie))
    assert factories.dump() == before


def test_a_refused_removal_undoes_the_choices(alice: User, acme: Team) -> None:
    key = made_by(alice, "alices", acme)
    before = factories.dump()
    with pytest.raises(members.LastOwner):
        off_boarding.leave(place(alice), chosen({key: Choice(Way.REVOKE)}), actor(alice))
    assert factories.dump() == before
    assert is_usable(key)


def test_a_key_that_is_made_meanwhile_is_kept_and_named(
    as_adam: Client, eddie: User, crm: ApiKey, acme: Team
) -> None:
    address = url(eddie, "remove")
    sent = drawn(as_adam, address)
    late = made_by(eddie, "late", acme)
    page = as_adam.post(address, sent, follow=True).content.decode()
    assert "Newer than the sheet" in page
    assert f'<a href="/t/acme/keys/{late.id}/">late</a>' in page
    assert is_usable(late)
    assert KeySecret.objects.get(key=late).ends_at is None
    assert AuditEvent.objects.get(action="membership.off_board").after == {
        "rotated": ["crm-sync"],
        "came_later": ["late"],
    }


def test_a_text_that_another_made_meanwhile_works_on(
    as_adam: Client, eddie: User, alice: User, crm: ApiKey
) -> None:
    address = url(eddie, "remove")
    for verb in ("rotate", "revoke"):
        sent = {**drawn(as_adam, url(eddie, "keys")), way(crm): verb}
        keys.issue(crm, factories.TESTER, replace=True, shown_to=alice)
        as_adam.post(url(eddie, "keys"), sent)
        assert KeySecret.objects.filter(key=crm).latest("pk").ends_at is None
    as_adam.post(address, drawn(as_adam, address))
    assert is_usable(crm)


def test_a_text_that_the_person_made_meanwhile_is_named(
    as_adam: Client, eddie: User, crm: ApiKey
) -> None:
    sent = drawn(as_adam, url(eddie, "remove"))
    keys.issue(crm, factories.TESTER, replace=True, shown_to=eddie)
    page = as_adam.post(url(eddie, "remove"), sent, follow=True).content.decode()
    assert "eddie may know the text" in page


def test_in_a_rotation_the_text_ends_that_the_person_knows(
    adam: User, eddie: User, alice: User, crm: ApiKey
) -> None:
    rotation.rotate(crm, factories.TESTER, overlap=timedelta(days=30), shown_to=alice)
    off_boarding.remove(place(eddie), chosen({crm: Choice(Way.ROTATE)}), actor(adam))
    old, new = KeySecret.objects.filter(key=crm).order_by("pk")
    assert old.ends_at is not None
    assert old.ends_at < timezone.now() + 2 * DAY
    assert new.ends_at is None


def test_no_text_gets_more_time_than_it_had(adam: User, eddie: User, crm: ApiKey) -> None:
    soon = timezone.now() + timedelta(minutes=5)
    KeySecret.objects.filter(key=crm).update(ends_at=soon)
    outcome = off_boarding.carry_out(place(eddie), chosen({crm: Choice(Way.ROTATE)}), actor(adam))
    assert KeySecret.objects.get(key=crm).ends_at == soon
    assert outcome.rotated == []


def test_the_key_policy_bounds_the_overlap(
    adam: User, eddie: User, crm: ApiKey, acme: Team
) -> None:
    KeyPolicy.objects.create(team=acme, longest_overlap=1)
    week = chosen({crm: Choice(Way.ROTATE)}, overlap=timedelta(days=7))
    outcome = off_boarding.carry_out(place(eddie), week, actor(adam))
    assert outcome.ends_at is not None
    assert outcome.ends_at < timezone.now() + timedelta(hours=2)


def test_whoever_is_removed_already_is_gone(
    as_adam: Client, alice: User, eddie: User, crm: ApiKey
) -> None:
    address = url(eddie, "remove")
    sent = drawn(as_adam, address)
    stale = place(eddie)
    members.remove(place(eddie), actor(alice))
    before = factories.state()
    assert as_adam.post(address, sent).status_code == 404
    with pytest.raises(off_boarding.Gone):
        off_boarding.remove(stale, chosen({crm: Choice(Way.REVOKE)}), actor(alice))
    assert factories.state() == before


def test_a_deleted_key_is_nothing_to_choose_for(as_adam: Client, eddie: User, crm: ApiKey) -> None:
    address = url(eddie, "remove")
    sent = drawn(as_adam, address)
    keys.delete(crm, factories.TESTER)
    assert as_adam.post(address, sent).status_code == 302


def test_a_public_text_is_no_secret_that_somebody_knows(
    acme: Team, eddie: User, crm: ApiKey
) -> None:
    publishable = {"kind": Kind.PUBLISHABLE, "pinned_to": uuid4(), "limit_minute": 60}
    ApiKey.objects.filter(pk=crm.pk).update(**publishable)
    (on_sheet,) = sheets.sheet(acme, eddie).keys
    assert (on_sheet.knowing, on_sheet.advised) == ("public", Way.KEEP)
    assert sheets.size(acme, eddie).known == 0


def test_where_nobody_noted_who_saw_a_text_its_maker_may_know_it(
    acme: Team, eddie: User, crm: ApiKey
) -> None:
    KeySecret.objects.filter(key=crm).update(shown_to=None)
    (on_sheet,) = sheets.sheet(acme, eddie).keys
    assert (on_sheet.knowing, on_sheet.advised) == ("unnoted", Way.ROTATE)
    assert sheets.size(acme, eddie).known == 1


def test_another_teams_keys_of_the_same_person_stay(
    adam: User, eddie: User, crm: ApiKey, globex: Team
) -> None:
    factories.join(globex, eddie, Role.EDITOR)
    elsewhere = made_by(eddie, "elsewhere", globex)
    assert sheets.size(globex, eddie).total == 1
    everything = chosen({crm: Choice(Way.REVOKE)}, others=Choice(Way.REVOKE))
    off_boarding.remove(place(eddie), everything, actor(adam))
    assert (is_usable(crm), is_usable(elsewhere)) == (False, True)


def many(team: Team, person: User, count: int) -> list[ApiKey]:
    """Keys that a person made; of every other one the person saw the text."""
    now = timezone.now()
    made = ApiKey.objects.bulk_create(
        ApiKey(team=team, name=f"k-{n}", name_key=f"k-{n}", created_by=person,
               last_used_at=now - n * DAY)
        for n in range(count)
    )  # fmt: skip
    someone = factories.user("someone")
    KeySecret.objects.bulk_create(
        KeySecret(key=key, public_id=f"{n:012}", digest=f"{n:064}", pepper_version=1,
                  shown_to=someone if n % 2 else person)
        for n, key in enumerate(made)
    )  # fmt: skip
    return made


def test_of_2000_keys_fifty_are_shown_and_the_others_chosen_at_once(
    as_adam: Client, eddie: User, acme: Team, django_assert_max_num_queries: Callable[..., object]
) -> None:
    made = many(acme, eddie, 2000)
    address = url(eddie, "remove")
    with django_assert_max_num_queries(20):  # type: ignore[attr-defined]
        page = as_adam.get(address).content.decode()
    assert page.count('<li><div><a class="go"') == 50
    assert "The other 1,950 keys" in page
    sent = drawn(as_adam, address)
    assert (sent["others"], sent[way(made[0])]) == ("advised", "rotate")
    late = made_by(eddie, "late", acme)
    assert as_adam.post(address, sent).status_code == 302
    ending = KeySecret.objects.filter(ends_at__isnull=False)
    assert ending.count() == 1000
    assert not ending.exclude(shown_to=eddie).exists()
    assert KeySecret.objects.get(key=late).ends_at is None
    events = AuditEvent.objects.filter(team_id=acme.id, action="api_key.let_end")
    assert events.count() == 1000
    assert audit.verify(acme.id) is None


def test_a_key_that_comes_while_the_choices_are_carried_out_is_named(
    adam: User, eddie: User, crm: ApiKey, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = members.remove

    def end_after_a_key(membership: Membership, by: Actor) -> None:
        made_by(eddie, "in-between", acme)
        end(membership, by)

    monkeypatch.setattr(members, "remove", end_after_a_key)
    outcome = off_boarding.remove(place(eddie), chosen({crm: Choice(Way.ROTATE)}), actor(adam))
    assert [key.name for key in outcome.came_later] == ["in-between"]


def issue(key: ApiKey, by: User) -> str:
    return keys.issue(key, actor(by), shown_to=by)


def rotate(key: ApiKey, by: User) -> str:
    return rotation.rotate(key, actor(by), overlap=DAY, shown_to=by)


@pytest.mark.parametrize("make", [issue, rotate])
def test_who_is_removed_while_a_text_is_made_gets_none(
    acme: Team,
    eddie: User,
    default_key: ApiKey,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[ApiKey, User], str],
) -> None:
    record = audit.record

    def record_after_a_removal(*args: object, **more: object) -> AuditEvent:
        Membership.objects.filter(user=eddie).delete()
        return record(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(audit, "record", record_after_a_removal)
    with pytest.raises(members.NotAllowed):
        make(default_key, eddie)
    assert not KeySecret.objects.filter(key=default_key).exists()
    assert Membership.objects.filter(user=eddie).exists()  # the whole transaction is undone
