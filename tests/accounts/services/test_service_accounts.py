"""Service accounts: their pages, and that disabling one refuses all its keys at once."""

from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts import audit
from accounts.models import AuditEvent, Membership, Role, ServiceAccount, Team, User
from accounts.permissions import Actor
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys.models import ApiKey, Status
from apikeys.services import keys
from chatflows.models import Chatflow
from tests import factories
from tests.forms import send

pytestmark = pytest.mark.django_db

LIST = "/t/acme/service-accounts/"
NEW = "/t/acme/service-accounts/new/"
VERBS = ("save", "disable", "enable", "delete")


@pytest.fixture
def crm(acme: Team, alice: User) -> ServiceAccount:
    about = About("production-crm-sync", "production", "Syncs the CRM.", alice)
    return service_accounts.create(acme, about, factories.TESTER)


@pytest.fixture
def held(acme: Team, faq: Chatflow, crm: ServiceAccount) -> ApiKey:
    """A key of `crm` that opens `faq`."""
    key, _ = keys.add(acme, "crm-1", factories.TESTER, service_account=crm, opens=[faq.id])
    return key


def page(account_id: UUID, verb: str = "") -> str:
    return f"{LIST}{account_id}/{verb}/" if verb else f"{LIST}{account_id}/"


def filled(person: User, /, **change: str) -> dict[str, str]:
    fields = {"name": "production-crm-sync", "environment": "production", "description": ""}
    return {**fields, "owner": person.username, **change}


def actions(team: Team) -> list[str]:
    events = AuditEvent.objects.filter(team_id=team.id, action__startswith="service_account.")
    return list(events.order_by("sequence").values_list("action", flat=True))


def reread(key: ApiKey) -> ApiKey:
    return ApiKey.objects.get(pk=key.pk)


def test_an_editor_makes_one_and_is_led_to_its_keys(
    as_eddie: Client, alice: User, acme: Team
) -> None:
    answer = as_eddie.post(NEW, filled(alice, description="Syncs."))
    account = ServiceAccount.objects.of(acme).get()
    assert answer["Location"] == page(account.id)
    assert (account.name, account.environment) == ("production-crm-sync", "production")
    assert (account.owner, account.description) == (alice, "Syncs.")
    event = AuditEvent.objects.filter(team_id=acme.id).latest("sequence")
    assert (event.action, event.actor_name) == ("service_account.create", "eddie")
    assert event.after == {
        "name": "production-crm-sync",
        "environment": "production",
        "description": "Syncs.",
        "owner": "alice",
    }


def test_the_form_warns_of_names_that_fit_everything(as_eddie: Client, acme: Team) -> None:
    assert "Names like api or test" in as_eddie.get(NEW).content.decode()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": ""}, "Fill this in"),
        ({"name": "x" * 65}, "at most 64"),
        ({"name": "a\u202eb"}, "visible characters"),
        ({"name": "PRODUCTION-crm-sync"}, "has a service account of this name"),
        ({"environment": "moon"}, "Choose one of the list"),
        ({"owner": ""}, "Fill this in"),
        ({"owner": "999999"}, "Choose one of the list"),
        ({"owner": "x"}, "Choose one of the list"),
        ({"description": "x" * 301}, "at most 300"),
    ],
)
def test_a_form_that_is_wrong_says_so_and_changes_nothing(
    as_alice: Client, alice: User, crm: ServiceAccount, change: dict[str, str], says: str
) -> None:
    before = factories.dump()
    answer = as_alice.post(NEW, filled(alice, **change))
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert factories.dump() == before


def test_a_stranger_cannot_be_the_one_to_ask(
    as_alice: Client, acme: Team, globex: Team, mallory: User
) -> None:
    assert as_alice.post(NEW, filled(mallory)).status_code == 422
    assert b"mallory" not in as_alice.get(NEW).content


def test_what_is_said_of_one_can_change_and_its_keys_stay(
    as_alice: Client, alice: User, crm: ServiceAccount, held: ApiKey
) -> None:
    send(as_alice, page(crm.id, "save"), filled(alice, name="staging-crm", environment="staging"))
    crm.refresh_from_db()
    assert (crm.name, crm.environment) == ("staging-crm", "staging")
    assert reread(held).is_usable
    event = AuditEvent.objects.filter(team_id=crm.team_id).latest("sequence")
    assert event.before is not None
    assert event.before["name"] == "production-crm-sync"
    send(as_alice, page(crm.id, "save"), filled(alice, name="staging-crm", environment="staging"))
    assert actions(crm.team).count("service_account.update") == 1


def test_disabling_takes_all_its_keys_and_enabling_gives_them_back(
    as_alice: Client, acme: Team, crm: ServiceAccount, held: ApiKey
) -> None:
    asleep, _ = keys.add(acme, "crm-2", factories.TESTER, service_account=crm)
    keys.disable(asleep, factories.TESTER)
    as_alice.post(page(crm.id, "disable"))
    assert reread(held).status is Status.ACCOUNT_DISABLED
    assert held not in ApiKey.objects.usable()
    assert "Account disabled" in as_alice.get("/t/acme/keys/").content.decode()
    as_alice.post(page(crm.id, "disable"))  # again: nothing
    as_alice.post(page(crm.id, "enable"))
    assert reread(held).status is Status.ACTIVE
    assert held in ApiKey.objects.usable()
    assert reread(asleep).status is Status.DISABLED
    assert actions(acme)[1:] == ["service_account.disable", "service_account.enable"]


def test_an_editor_wakes_no_key_that_may_more(
    as_eddie: Client, acme: Team, crm: ServiceAccount, held: ApiKey
) -> None:
    strong, _ = keys.add(
        acme, "auditor", factories.TESTER, scopes=["audit:view"], service_account=crm
    )
    as_eddie.post(page(crm.id, "disable"))  # to take rights away asks for nothing more
    assert as_eddie.post(page(crm.id, "enable")).status_code == 403
    assert reread(strong).status is Status.ACCOUNT_DISABLED
    assert reread(held).status is Status.ACCOUNT_DISABLED
    assert actions(acme)[-1] == "service_account.disable"
    keys.disable(strong, factories.TESTER)  # by itself, and so it stays
    assert as_eddie.post(page(crm.id, "enable")).status_code == 302
    assert reread(held).status is Status.ACTIVE
    assert reread(strong).status is Status.DISABLED


def test_enabling_asks_for_a_fresh_login_as_it_does_for_a_key(
    alice: User, crm: ServiceAccount, held: ApiKey, by_alice: Actor
) -> None:
    service_accounts.disable(crm, by_alice)
    answer = factories.client(alice).post(page(crm.id, "enable"))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/reauthenticate/")
    assert reread(held).status is Status.ACCOUNT_DISABLED


def test_opened_after_the_password_it_leads_to_the_account(
    as_alice: Client, crm: ServiceAccount
) -> None:
    as_alice.post(page(crm.id, "disable"))
    answer = as_alice.get(page(crm.id, "enable"))
    assert answer["Location"] == page(crm.id)
    crm.refresh_from_db()
    assert crm.disabled_at is not None


def test_a_chatflow_whose_keys_are_all_of_a_disabled_account_is_closed(
    crm: ServiceAccount, held: ApiKey, faq: Chatflow, by_alice: Actor
) -> None:
    def usable() -> Any:
        return Chatflow.objects.with_usable_keys().get(pk=faq.pk).usable_keys  # type: ignore[attr-defined]

    assert usable() == 1
    service_accounts.disable(crm, by_alice)
    assert usable() == 0


def test_deleting_asks_for_the_name_and_says_what_closes(
    as_alice: Client, crm: ServiceAccount, held: ApiKey, acme: Team
) -> None:
    body = as_alice.get(page(crm.id, "delete")).content.decode()
    assert "1 chatflow will be closed to everyone" in body
    assert "Support FAQ" in body
    assert "crm-1" in body
    wrong = as_alice.post(page(crm.id, "delete"), {"confirm_name": "crm"})
    assert wrong.status_code == 422
    assert reread(held).is_usable
    as_alice.post(page(crm.id, "delete"), {"confirm_name": "production-crm-sync"})
    assert reread(held).deleted_at is not None
    assert not ServiceAccount.objects.kept().exists()
    assert as_alice.get(page(crm.id)).status_code == 404
    assert audit.verify(acme.id) is None


def test_two_keys_of_one_account_close_what_they_open_together(
    as_alice: Client, acme: Team, crm: ServiceAccount, held: ApiKey, faq: Chatflow
) -> None:
    add = keys.add
    add(acme, "crm-2", factories.TESTER, service_account=crm, opens=[faq.id])
    assert "will be closed" in as_alice.get(page(crm.id, "delete")).content.decode()
    add(acme, "other", factories.TESTER, opens=[faq.id])
    assert "none is closed" in as_alice.get(page(crm.id, "delete")).content.decode()


def test_a_deleted_one_gives_its_name_free_and_takes_no_key(
    acme: Team, crm: ServiceAccount, alice: User, by_alice: Actor
) -> None:
    service_accounts.delete(crm, by_alice)
    again = service_accounts.create(acme, About("production-crm-sync", "production"), by_alice)
    assert again.pk != crm.pk
    with pytest.raises(ValidationError):
        keys.create(acme, "late", by_alice, service_account=crm)


def test_a_key_is_made_for_one_on_the_page_of_new_keys(
    as_alice: Client, crm: ServiceAccount
) -> None:
    form = as_alice.get(f"/t/acme/keys/new/?service_account={crm.id}").content.decode()
    assert f'name="service_account" value="{crm.name}"' in form
    values = {"name": "crm-1", "expires": "never", "service_account": crm.name}
    assert "Held by" in as_alice.post("/t/acme/keys/new/", values).content.decode()
    assert ApiKey.objects.get(name="crm-1").service_account == crm
    body = as_alice.get("/t/acme/keys/", {"q": "production-crm"}).content.decode()
    assert "crm-1" in body


def test_another_teams_account_gets_no_key(
    as_mallory: Client, globex: Team, crm: ServiceAccount, by_alice: Actor
) -> None:
    values = {"name": "k", "expires": "never", "service_account": "crm"}
    assert as_mallory.post("/t/globex/keys/new/", values).status_code == 422
    assert b"production-crm" not in as_mallory.get("/t/globex/keys/new/").content
    with pytest.raises(ValidationError):
        keys.create(globex, "k", by_alice, service_account=crm)


def test_a_foreign_id_and_a_random_one_look_the_same(
    as_mallory: Client, globex: Team, crm: ServiceAccount
) -> None:
    as_mallory.get(f"/t/{globex.slug}/service-accounts/")  # notes her last team
    before = factories.state()
    for verb in ("", *VERBS):
        for method in ("get", "post"):
            answers: list[Any] = [
                getattr(as_mallory, method)(page(one, verb).replace("acme", "globex"))
                for one in (crm.id, factories.NOBODYS_ID)
            ]
            assert answers[0].status_code == answers[1].status_code in (302, 404, 405)
            texts = [factories.without_id_and_time(answer) for answer in answers]
            assert texts[0] == texts[1]
            assert [*answers[0].headers] == [*answers[1].headers]
    assert str(crm.id) not in as_mallory.get(LIST.replace("acme", "globex")).content.decode()
    assert factories.state() == before


def test_a_viewer_looks_and_changes_nothing(as_vera: Client, crm: ServiceAccount) -> None:
    before = factories.state()
    for path in (LIST, page(crm.id)):
        body = as_vera.get(path).content.decode()
        assert "production-crm-sync" in body
        assert f"{crm.id}/disable/" not in body
        assert 'name="description"' not in body
    assert as_vera.get(NEW).status_code == 403
    assert [as_vera.post(page(crm.id, verb)).status_code for verb in VERBS] == [403] * 4
    assert factories.state() == before


def test_an_owner_who_has_left_is_named_as_gone(
    as_alice: Client, acme: Team, alice: User, by_alice: Actor
) -> None:
    bob = factories.user("bob")
    factories.join(acme, bob, Role.EDITOR)
    service_accounts.create(acme, About("nightly", "staging", "", bob), by_alice)
    Membership.objects.filter(user=bob).delete()
    assert "has left the team" in as_alice.get(LIST).content.decode()


def test_the_row_of_an_account_takes_its_keys_along(crm: ServiceAccount, held: ApiKey) -> None:
    crm.delete()
    assert not ApiKey.objects.filter(pk=held.pk).exists()
