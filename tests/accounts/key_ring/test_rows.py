"""What lies in the database after a rotation: digests, ciphertexts, the audit chain, sessions."""

from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.core import signing
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts import audit
from accounts.audit.chain import Broken
from accounts.crypto import digests, ring
from accounts.crypto.keyring import Purpose
from accounts.login import known_devices
from accounts.mail import outbox
from accounts.models import AuditEvent, AuditHead, Mail, ResetRequest, Role, Team, User
from accounts.models.mail_kinds import KINDS
from accounts.services import invitations, password_resets
from accounts.services.key_ring import rotation, rows
from accounts.services.key_ring.rotation import Refused
from apikeys import adopted, credentials
from apikeys.bearer import Carrier, Presented
from apikeys.credentials import Renewal, State
from apikeys.holders import visits
from apikeys.models import KeySecret
from apikeys.services import keys, publishable, stored_secrets
from apikeys.services.life import adoption
from chatflows.models import Chatflow, UpstreamSecret
from chatflows.services import engines
from tests import audit_locks, factories
from tests.config.openapi.callers import caller
from tests.rings import BY

CONFIG = {"base_url": "http://127.0.0.1:9", "flow_id": str(factories.NOBODYS_ID)}
ORIGIN = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _own_ring(path: Path) -> None:
    """Each test may change its ring."""


def next_version(purpose: Purpose) -> None:
    """Add a version and use it."""
    rotation.add(purpose, BY)
    rotation.use(purpose, BY)
    ring.newest()


def state(text: str, public_id: str) -> State:
    """How a text is judged now."""
    proof = credentials.read(Presented(Carrier.HEADER, text))
    found = stored_secrets.find(public_id)
    return credentials.judge(
        Carrier.HEADER, proof, found[1] if found else None, timezone.now()
    ).state


def test_a_key_works_before_and_after_its_digest_has_moved(integration: Any) -> None:
    secret = KeySecret.objects.get(key=integration.key)
    rotation.add(Purpose.PEPPER, BY)
    ring.newest()
    assert state(integration.text, secret.public_id) is State.GOOD
    rotation.use(Purpose.PEPPER, BY)
    ring.newest()
    assert state(integration.text, secret.public_id) is State.GOOD
    version, digest = digests.pepper_digest(integration.text)
    stored_secrets.renew(secret.public_id, Renewal(version, digest))
    secret.refresh_from_db()
    assert (secret.pepper_version, secret.digest) == (2, digest)
    rotation.retire(Purpose.PEPPER, BY)
    ring.newest()
    assert state(integration.text, secret.public_id) is State.GOOD


def test_a_digest_never_moves_back(integration: Any) -> None:
    secret = KeySecret.objects.get(key=integration.key)
    KeySecret.objects.update(pepper_version=3)
    stored_secrets.renew(secret.public_id, Renewal(2, "0" * 64))
    secret.refresh_from_db()
    assert secret.pepper_version == 3
    assert secret.digest != "0" * 64


def renewal(text: str, public_id: str) -> Renewal | None:
    """What is stored from now on after a text came to a secret."""
    proof, found = credentials.read(Presented(Carrier.HEADER, text)), stored_secrets.find(public_id)
    assert found is not None
    judged = credentials.judge(Carrier.HEADER, proof, found[1], timezone.now())
    return credentials.renewal(judged, proof, found[1])


def test_only_a_text_that_proved_right_gives_a_new_digest(integration: Any, acme: Team) -> None:
    other = factories.key(acme, "other")[1]
    public_id = KeySecret.objects.get(key=integration.key).public_id
    next_version(Purpose.PEPPER)
    expected = Renewal(*digests.pepper_digest(integration.text))
    assert renewal(other, public_id) is None
    assert renewal(integration.text, public_id) == expected
    stored_secrets.renew(public_id, expected)
    assert renewal(integration.text, public_id) is None


def test_a_key_that_came_over_from_flowise_holds_the_oldest_pepper(acme: Team) -> None:
    text = "6Zw6oNKP_SCs5AwHOrIRjIUGbOXxF8PdzbEcvKmMtHY"
    key = keys.create(acme, "from Flowise", factories.TESTER)
    adoption.adopt(key, text, factories.TESTER)
    public_id = KeySecret.objects.get(key=key).public_id
    next_version(Purpose.PEPPER)
    assert adopted.public_id(text) == public_id
    stored_secrets.renew(public_id, Renewal(*digests.pepper_digest(text)))
    assert state(text, public_id) is State.GOOD
    with pytest.raises(Refused, match="keys that came over from Flowise"):
        rotation.retire(Purpose.PEPPER, BY)
    keys.issue(key, factories.TESTER, replace=True)
    assert rotation.retire(Purpose.PEPPER, BY) == [1]


def test_a_dead_secret_needs_no_pepper_and_is_refused_without_it(integration: Any) -> None:
    secret = KeySecret.objects.get(key=integration.key)
    KeySecret.objects.filter(pk=secret.pk).update(ends_at=secret.created_at)
    next_version(Purpose.PEPPER)
    rotation.retire(Purpose.PEPPER, BY)
    ring.newest()
    assert state(integration.text, secret.public_id) is State.UNKNOWN


def test_the_holders_page_moves_a_digest(integration: Any) -> None:
    next_version(Purpose.PEPPER)
    visits.begin(integration.text, visits.Caller("192.0.2.1"))
    assert KeySecret.objects.get(key=integration.key).pepper_version == 2


def test_the_management_api_moves_a_digest(acme: Team) -> None:
    robot = caller(acme, "apikeys:update")
    next_version(Purpose.PEPPER)
    robot("GET", "/apikey")
    assert KeySecret.objects.get(key=robot.key).pepper_version == 2


def test_the_worker_seals_everything_anew(acme: Team, faq: Chatflow, settings: Any) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.example"}
    _, text = factories.publishable(acme, "widget", faq)
    engines.save(faq, "flowise", CONFIG, "upstream-secret-1", factories.TESTER)
    sample = KINDS["password_reset"].sample
    with transaction.atomic():
        mail = outbox.queue("password_reset", "eve@example.com", sample)
    assert mail is not None
    password_resets.ask("eve@example.com", "192.0.2.1")
    next_version(Purpose.ENCRYPTION)
    assert sum(rows.needing(Purpose.ENCRYPTION, 1).values()) == 4
    rows.reseal(Event())
    assert rows.needing(Purpose.ENCRYPTION, 1) == {}
    assert sum(rows.needing(Purpose.ENCRYPTION, 2).values()) == 4
    rotation.retire(Purpose.ENCRYPTION, BY)
    ring.newest()
    assert "alice" in outbox.body(Mail.objects.get(pk=mail.pk))[0]
    assert engines._stored_secret(faq, ORIGIN) == "upstream-secret-1"
    (secret,) = KeySecret.objects.exclude(key_version=None)
    assert publishable._text(secret) == text


def test_what_was_stored_meanwhile_is_not_overwritten(acme: Team, faq: Chatflow) -> None:
    engines.save(faq, "flowise", CONFIG, "the-old-secret", factories.TESTER)
    next_version(Purpose.ENCRYPTION)
    row = UpstreamSecret.objects.select_related("chatflow").get()
    engines.save(faq, "flowise", CONFIG, "the-new-secret", factories.TESTER)
    UpstreamSecret.objects.update(key_version=1)  # as a process that still used the old version
    assert not rows._reseal_row(engines.SEALED, row)
    UpstreamSecret.objects.update(key_version=2)
    assert engines._stored_secret(faq, ORIGIN) == "the-new-secret"


def test_a_row_that_can_not_be_read_holds_up_no_other(acme: Team, settings: Any) -> None:
    for _ in range(3):
        password_resets.ask("eve@example.com", "192.0.2.1")
    first = ResetRequest.objects.order_by("pk").first()
    assert first is not None
    ResetRequest.objects.filter(pk=first.pk).update(ciphertext=b"torn")
    next_version(Purpose.ENCRYPTION)
    rows.reseal(Event())
    assert rows.needing(Purpose.ENCRYPTION, 1) == {"reset requests": 1}


def test_without_a_rotation_the_worker_asks_the_database_nothing(
    django_assert_num_queries: Any,
) -> None:
    with django_assert_num_queries(0):
        rows.reseal(Event())


def test_the_audit_chain_goes_on_under_the_new_key(acme: Team) -> None:
    factories.chatflow(acme, "Before")
    next_version(Purpose.AUDIT)
    factories.chatflow(acme, "After")
    found = AuditEvent.objects.filter(team_id=acme.id).order_by("sequence")
    versions = list(found.values_list("key_version", flat=True))
    assert versions == sorted(versions)
    assert set(versions) == {1, 2}
    assert audit.verify(acme.id) is None


def test_a_machine_that_is_late_goes_on_under_the_key_of_the_chain(acme: Team, path: Path) -> None:
    rotation.add(Purpose.AUDIT, BY)
    late = path.read_bytes()
    rotation.use(Purpose.AUDIT, BY)
    factories.chatflow(acme, "After")
    path.write_bytes(late)
    factories.chatflow(acme, "From the late machine")
    assert ring.newest().current(Purpose.AUDIT)[0] == 1
    assert AuditHead.objects.get(team_id=acme.id).key_version == 2
    assert audit.verify(acme.id) is None


def test_an_entry_under_a_key_that_was_replaced_is_named(acme: Team) -> None:
    next_version(Purpose.AUDIT)
    factories.chatflow(acme, "After")
    last = AuditEvent.objects.filter(team_id=acme.id).latest("sequence")
    # Whoever stole the old key and can write to the database goes on with it.
    forged = AuditEvent.objects.get(pk=last.pk)
    forged.pk, forged.sequence = None, last.sequence + 1
    forged.previous_mac, forged.key_version = last.mac, 1
    forged.mac = audit.chain._mac(forged)
    with audit_locks.off():
        forged.save()
        head = {"sequence": forged.sequence, "mac": forged.mac}
        AuditHead.objects.filter(team_id=acme.id).update(**head)
    broken = audit.verify(acme.id)
    assert broken == Broken(
        forged.sequence, "a row was sealed under a key that was replaced before"
    )


def test_people_stay_logged_in(as_alice: Client) -> None:
    next_version(Purpose.SIGNING)
    assert as_alice.get("/profile/").status_code == 200
    rotation.retire(Purpose.SIGNING, BY, now=True)
    ring.newest()
    assert as_alice.get("/profile/").status_code == 200


def test_a_session_that_was_not_used_since_ends_with_its_signing_key(as_alice: Client) -> None:
    next_version(Purpose.SIGNING)
    rotation.retire(Purpose.SIGNING, BY, now=True)
    ring.newest()
    assert as_alice.get("/profile/").status_code == 302


def test_a_process_that_is_late_reads_what_another_one_signed(settings: Any) -> None:
    rotation.add(Purpose.SIGNING, BY)
    added = ring.newest().added[Purpose.SIGNING][2].hex()
    assert signing.loads(signing.dumps("x", key=added)) == "x"


def test_a_known_device_stays_known(alice: User, rf: Any) -> None:
    response = HttpResponse()
    known_devices.remember(response, alice)
    name, cookie = next(iter(response.cookies.items()))
    request = rf.get("/")
    request.COOKIES[name] = cookie.value
    before = known_devices.device_of(request, "alice")
    next_version(Purpose.SIGNING)
    assert before
    assert known_devices.device_of(request, "alice") == before


def test_an_open_invitation_that_was_mailed_holds_its_pepper(
    acme: Team, by_alice: Any, settings: Any
) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.example"}
    invitations.invite(acme, ["eve@example.com"], Role.VIEWER, by_alice)
    next_version(Purpose.PEPPER)
    name = "mailed invitation links (7 days at most)"
    assert rows.needing(Purpose.PEPPER, 1) == {name: 1}
    assert name not in rows.needing(Purpose.PEPPER, 2)
