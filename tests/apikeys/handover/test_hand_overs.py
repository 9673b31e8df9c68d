"""Hand-over by link: one text, for one person, seen by nobody else."""

import hashlib
import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts.crypto import digests
from accounts.models import AuditEvent, Membership, StoredAnswer, Team, User
from accounts.permissions import Actor
from accounts.services import members
from apikeys.models import ApiKey, HandOver
from apikeys.services import keys
from apikeys.services.life import hand_overs, rotation
from tests import factories
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]
DAY = timedelta(hours=24)


def works(text: str) -> bool:
    return bool(Caller(text)("GET", "/apikey/self").status_code == 200)


def link(key: ApiKey, **more: object) -> str:
    """The digest of a new link's token."""
    _, token = hand_overs.make(key, TESTER, lifetime=DAY, **more)  # type: ignore[arg-type]
    return digests.link_token_digest(token)


def test_the_text_comes_into_being_when_it_is_taken(default_key: ApiKey) -> None:
    made, token = hand_overs.make(default_key, TESTER, lifetime=DAY)
    assert default_key.secrets.count() == 0
    assert token not in factories.dump()
    key, text = hand_overs.take(digests.link_token_digest(token), "", "192.0.2.7")
    assert works(text)
    assert text not in factories.dump()
    made.refresh_from_db()
    assert (made.state, made.taken_from) == ("taken", "192.0.2.7")
    assert made.public_id == key.secrets.get().public_id
    event = AuditEvent.objects.get(action="api_key.take_hand_over")
    assert event.actor_name == hand_overs.HOLDER


def test_the_second_reads_when_and_from_where_it_was_taken(default_key: ApiKey) -> None:
    digest = link(default_key)
    hand_overs.take(digest, "", "192.0.2.7")
    with pytest.raises(hand_overs.Closed) as closed:
        hand_overs.take(digest, "", "198.51.100.9")
    assert closed.value.hand_over is not None
    assert closed.value.hand_over.taken_from == "192.0.2.7"


def test_the_overlap_begins_when_the_text_is_taken(acme: Team) -> None:
    key, old = factories.key(acme, "rotated")
    digest = link(key, overlap=timedelta(hours=1))
    assert key.live_secrets[0].ends_at is None
    _, new = hand_overs.take(digest, "", "192.0.2.7")
    assert works(old)
    assert works(new)
    ends_at = ApiKey.objects.get(pk=key.pk).live_secrets[-1].ends_at
    assert ends_at is not None
    assert timedelta(minutes=59) < ends_at - timezone.now() <= timedelta(hours=1)


def test_two_links_of_one_key_are_refused(default_key: ApiKey) -> None:
    link(default_key)
    with pytest.raises(ValidationError) as refused:
        link(default_key)
    assert "key" in refused.value.message_dict
    assert HandOver.objects.count() == 1


def test_five_wrong_passphrases_end_the_link(default_key: ApiKey) -> None:
    digest = link(default_key, passphrase="over the phone")
    for left in (4, 3, 2, 1):
        with pytest.raises(hand_overs.WrongPassphrase) as wrong:
            hand_overs.take(digest, "guess", "192.0.2.7")
        assert wrong.value.left == left
    for guess in ("guess", "over the phone"):
        with pytest.raises(hand_overs.Closed):
            hand_overs.take(digest, guess, "192.0.2.7")
    assert "over the phone" not in factories.dump()


def test_the_right_passphrase_takes_it(default_key: ApiKey) -> None:
    digest = link(default_key, passphrase="over the phone")
    with pytest.raises(hand_overs.WrongPassphrase):
        hand_overs.take(digest, "", "192.0.2.7")
    assert works(hand_overs.take(digest, "over the phone", "192.0.2.7")[1])


def test_not_now_uses_nothing_up(acme: Team, default_key: ApiKey) -> None:
    digest = link(default_key)
    keys.disable(default_key, TESTER)
    with pytest.raises(hand_overs.NotNow):
        hand_overs.take(digest, "", "192.0.2.7")
    keys.enable(default_key, TESTER)
    Team.objects.filter(pk=acme.pk).update(suspended_at=timezone.now())
    with pytest.raises(hand_overs.NotNow):
        hand_overs.take(digest, "", "192.0.2.7")
    Team.objects.filter(pk=acme.pk).update(suspended_at=None)
    assert works(hand_overs.take(digest, "", "192.0.2.7")[1])


def test_a_key_with_two_texts_waits(acme: Team) -> None:
    key, _ = factories.key(acme, "rotated")
    digest = link(key)
    rotation.rotate(key, TESTER, overlap=timedelta(hours=1))
    with pytest.raises(hand_overs.NotNow):
        hand_overs.take(digest, "", "192.0.2.7")
    assert HandOver.objects.get().is_waiting


def test_a_deleted_key_an_ended_link_and_a_late_one_give_nothing(acme: Team) -> None:
    deleted, ended, late = (factories.key(acme, name)[0] for name in ("deleted", "ended", "late"))
    links = [link(each) for each in (deleted, ended, late)]
    keys.delete(deleted, TESTER)
    found = hand_overs.latest_of(ended)
    assert found is not None
    assert hand_overs.revoke(found, TESTER)
    HandOver.objects.filter(key=late).update(ends_at=timezone.now())
    for digest in links:
        with pytest.raises(hand_overs.Closed):
            hand_overs.take(digest, "", "192.0.2.7")


def test_the_link_ends_with_its_makers_right(acme: Team, adam: User, default_key: ApiKey) -> None:
    by_adam = Actor("person", str(adam.pk), adam.username)
    _, token = hand_overs.make(default_key, by_adam, lifetime=DAY)
    members.remove(Membership.objects.get(user=adam), TESTER)
    with pytest.raises(hand_overs.Closed):
        hand_overs.take(digests.link_token_digest(token), "", "192.0.2.7")
    assert default_key.secrets.count() == 0


@pytest.mark.parametrize("passphrase", ["short", "x" * 201])
def test_a_passphrase_has_a_length(default_key: ApiKey, passphrase: str) -> None:
    with pytest.raises(ValidationError) as refused:
        link(default_key, passphrase=passphrase)
    assert "passphrase" in refused.value.message_dict


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_gets_the_text(acme: Team) -> None:
    key, _ = factories.key(acme, "raced")
    digest = link(key, overlap=timedelta(hours=1))
    got: list[str] = []

    def take() -> None:
        try:
            got.append(hand_overs.take(digest, "", "192.0.2.7")[1])
        except hand_overs.Closed:
            got.append("")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(bool, got)) == [False, True]
    assert key.secrets.count() == 2


def test_the_whole_way_in_two_browsers(acme: Team, alice: User, default_key: ApiKey) -> None:
    maker, holder, preview = factories.client(alice, is_fresh=True), Client(), Client()
    path = f"/t/acme/keys/{default_key.id}/hand-over/"
    assert "Create link" in maker.get(path).content.decode()
    made = maker.post(path, {"lifetime": "24h", "passphrase": ""}).content.decode()
    url = made.partition("/key-link/")[2].partition("<")[0].strip()
    assert "A link waits for its holder already" in maker.get(path).content.decode()
    key_page = maker.get(f"/t/acme/keys/{default_key.id}/").content.decode()
    assert "waits for its holder until" in key_page
    assert "Create secret" not in key_page  # the holder is to make it
    assert url.startswith("fll_")
    for browser in (preview, holder):
        page = browser.get(f"/key-link/{url}", follow=True)
        assert "A key is waiting for you" in page.content.decode()
        assert url not in page.content.decode()
    waiting = {"link": HandOver.objects.get().pk}
    shown = holder.post("/key-link/", waiting)
    text = shown.content.decode().partition("data-copy-source>")[2]
    assert "Your key, this once" in shown.content.decode()
    assert shown.headers["Cache-Control"] == "no-store"
    assert text
    late = preview.post("/key-link/", waiting)
    assert late.status_code == 410
    assert "Somebody took this key before you" in late.content.decode()
    assert "Taken" in maker.get(f"/t/acme/keys/{default_key.id}/").content.decode()
    assert holder.get("/key-link/").status_code == 410


def test_a_program_makes_looks_at_and_ends_a_link(acme: Team, default_key: ApiKey) -> None:
    robot = caller(acme, "apikeys:update", "predictions:create")
    path = f"/apikey/{default_key.id}/hand-over"
    assert robot("GET", path).status_code == 404
    made = robot("POST", path, {"lifetime": "1h"}, **{"Idempotency-Key": "one"})
    assert made.status_code == 201, made.content
    url = made.json()["url"]
    # Nobody who reads the database can guess what the body held.
    plain = hashlib.sha256(f'/api/v1{path}\0{{"lifetime": "1h"}}'.encode()).hexdigest()
    assert StoredAnswer.objects.exclude(body_digest=plain).count() == 1
    again = robot("POST", path, {"lifetime": "1h"}, **{"Idempotency-Key": "one"})
    assert "url" not in again.json()
    second = robot("POST", path, {})
    assert [each["field"] for each in second.json()["errors"]] == ["key"]
    token = url.rstrip("/").rpartition("/")[2]
    assert Caller(token)("GET", "/apikey/self").status_code == 401
    assert robot("GET", path).json()["state"] == "waiting"
    assert robot("DELETE", path).status_code == 204
    assert robot("DELETE", path).status_code == 409
    assert Client().get(f"/key-link/{token}/").status_code == 410
    assert robot("GET", path).json()["state"] == "ended"
