"""Publishable keys: what each must have, its text at rest, its pages and its chatflow."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.audit import verify
from accounts.bounds import NO_LIMITS, Limits
from accounts.models import AuditEvent, Team
from accounts.outages import Unavailable
from accounts.permissions import Actor
from apikeys import key_text
from apikeys.models import ApiKey, KeySecret, Kind
from apikeys.services import keys, publishable
from apikeys.services.life import rotation
from chatflows.models import Chatflow, Selection
from chatflows.services import chatflows
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

Named = tuple[ApiKey, str]


@pytest.fixture
def shop(acme: Team, faq: Chatflow) -> Named:
    """A publishable key for `faq`, and its text."""
    return factories.publishable(acme, "web-shop", faq)


@pytest.fixture
def other(acme: Team) -> Chatflow:
    return factories.chatflow(acme, "Product finder")


def of_key(key: ApiKey) -> list[Chatflow]:
    return list(Chatflow.objects.filter(selections__key=key))


def last_event(team: Team) -> AuditEvent:
    return AuditEvent.objects.filter(team_id=team.id).order_by("sequence").reverse()[0]


def test_its_text_has_a_form_of_its_own_and_opens_its_chatflow(shop: Named, faq: Chatflow) -> None:
    key, text = shop
    parsed = key_text.parse(text)
    assert parsed is not None
    assert parsed.is_publishable
    assert key.hint_parts == ("flk_pk_", parsed.public_id[:4], parsed.public_id[-4:])
    assert key.is_usable
    assert (key.pinned_to, of_key(key)) == (faq.id, [faq])
    assert key.scopes == ["predictions:create"]


def test_its_text_is_shown_any_time_and_lies_in_no_table(shop: Named) -> None:
    key, text = shop
    assert publishable.texts(key) == [text]
    assert publishable.texts(key) == [text]
    secret = text.split("_")[3]
    assert secret not in factories.dump()
    assert secret.encode().hex().upper() not in factories.dump().upper()


def test_the_text_of_a_secret_key_is_kept_nowhere(integration: Integration) -> None:
    assert publishable.texts(integration.key) == []
    row = KeySecret.objects.get(key=integration.key)
    assert (row.ciphertext, row.key_version) == (None, None)


def test_a_ciphertext_opens_in_no_other_row(shop: Named, acme: Team, faq: Chatflow) -> None:
    key, _ = factories.publishable(acme, "other", faq)
    mine, theirs = KeySecret.objects.get(key=key), KeySecret.objects.get(key=shop[0])
    KeySecret.objects.filter(pk=mine.pk).update(ciphertext=theirs.ciphertext)
    with pytest.raises(Unavailable):
        publishable.texts(key)


def test_a_rotated_one_stays_publishable_and_shows_both_texts(shop: Named, acme: Team) -> None:
    key, old = shop
    new = rotation.rotate(key, factories.TESTER, overlap=timedelta(hours=1))
    parsed = key_text.parse(new)
    assert parsed is not None
    assert parsed.is_publishable
    assert publishable.texts(key) == [new, old]
    rotation.retire(key, factories.TESTER)
    assert publishable.texts(key) == [new]


BAD: dict[str, dict[str, Any]] = {
    "pinned_to": {"pinned_to": None},
    "origins": {"origins": []},
    "origins: a star": {"origins": ["https://*.example.com"]},
    "origins: null": {"origins": ["null"]},
    "origins: upper case": {"origins": ["https://Shop.example"]},
    "origins: a path": {"origins": ["https://shop.example/"]},
    "origins: the usual port": {"origins": ["https://shop.example:443"]},
    "origins: 10,000": {"origins": [f"https://a{n}.example" for n in range(10_000)]},
    "limits": {"limits": NO_LIMITS},
    "limits: of a month alone": {"limits": Limits(month=5, streams=2)},
    "scopes": {"scopes": ["predictions:create", "chatflows:view"]},
    "scopes: none": {"scopes": []},
}


@pytest.mark.parametrize("name", BAD)
def test_what_it_must_have_is_named_and_nothing_is_made(
    acme: Team, faq: Chatflow, name: str
) -> None:
    good: dict[str, Any] = {
        "kind": Kind.PUBLISHABLE,
        "pinned_to": faq.id,
        "origins": [factories.ORIGIN],
        "limits": Limits(minute=60),
    }
    before = factories.dump()
    with pytest.raises(ValidationError) as caught:
        keys.add(acme, "web-shop", factories.TESTER, **{**good, **BAD[name]})
    assert [*caught.value.message_dict] == [name.partition(":")[0]]
    assert factories.dump() == before


def test_it_is_pinned_to_a_chatflow_of_its_own_team(acme: Team, globex: Team) -> None:
    foreign = factories.chatflow(globex, "Theirs")
    told = []
    for chatflow_id in (foreign.id, uuid4()):
        with pytest.raises(ValidationError) as caught:
            keys.add(
                acme,
                "web-shop",
                factories.TESTER,
                kind=Kind.PUBLISHABLE,
                pinned_to=chatflow_id,
                origins=[factories.ORIGIN],
                limits=Limits(day=9),
            )
        told.append(caught.value.message_dict)
    assert told[0] == told[1]
    assert [*told[0]] == ["pinned_to"]
    assert not Selection.objects.filter(chatflow=foreign).exclude(key__name="DefaultKey").exists()


def test_a_secret_key_is_pinned_to_nothing(acme: Team, faq: Chatflow) -> None:
    with pytest.raises(ValidationError):
        keys.add(acme, "crm", factories.TESTER, pinned_to=faq.id)
    key, _ = factories.key(acme, "crm", faq)
    with pytest.raises(ValidationError):
        publishable.pin(key, faq.id, factories.TESTER)


@pytest.mark.parametrize("change", [{"limit_minute": None, "limit_day": None}, {"pinned_to": None}])
def test_the_database_keeps_it_whole(shop: Named, change: dict[str, None]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.filter(pk=shop[0].pk).update(**change)


def select(key: ApiKey, chatflow: Chatflow) -> None:
    chatflows.select(key, [chatflow.id], factories.TESTER)


def save_access(key: ApiKey, chatflow: Chatflow) -> None:
    access = chatflows.Access("keys", frozenset([key.id]))
    chatflows.save_access(chatflow, access, factories.TESTER, version=chatflow.version)


@pytest.mark.parametrize("choose", [select, save_access])
def test_it_is_selected_for_no_other_chatflow(
    shop: Named, other: Chatflow, choose: Callable[[ApiKey, Chatflow], None]
) -> None:
    before = factories.dump()
    with pytest.raises(ValidationError):
        choose(shop[0], other)
    assert factories.dump() == before


def test_one_that_is_named_defaultkey_is_not_selected_for_a_new_chatflow(
    acme: Team, faq: Chatflow, default_key: ApiKey
) -> None:
    keys.delete(default_key, factories.TESTER)
    key, _ = factories.publishable(acme, ApiKey.DEFAULT_NAME, faq)
    factories.chatflow(acme, "Later")
    assert of_key(key) == [faq]


def test_pinned_to_another_it_opens_that_alone(
    shop: Named, acme: Team, faq: Chatflow, other: Chatflow, by_alice: Actor
) -> None:
    key, text = shop
    version, was = key.version, faq.version
    publishable.pin(key, other.id, by_alice)
    assert (key.pinned_to, of_key(key), key.version) == (other.id, [other], version + 1)
    assert publishable.texts(key) == [text]
    faq.refresh_from_db()
    assert faq.version > was  # an access form that is open must not select it again
    pinned = AuditEvent.objects.get(team_id=acme.id, action="api_key.pin")
    assert (pinned.before, pinned.after) == (
        {"pinned_to": "Support FAQ"},
        {"pinned_to": "Product finder"},
    )
    assert verify(acme.id) is None


def test_it_is_pinned_to_nothing_foreign(shop: Named, globex: Team) -> None:
    foreign = factories.chatflow(globex, "Theirs")
    before = factories.dump()
    for chatflow_id in (foreign.id, uuid4()):
        with pytest.raises(ValidationError):
            publishable.pin(shop[0], chatflow_id, factories.TESTER)
    assert factories.dump() == before


def test_a_deleted_chatflow_leaves_it_opening_nothing_until_it_is_pinned_anew(
    shop: Named, faq: Chatflow, other: Chatflow
) -> None:
    key, _ = shop
    chatflows.delete(faq, factories.TESTER)
    assert of_key(key) == []
    publishable.pin(key, other.id, factories.TESTER)
    assert of_key(key) == [other]


def test_a_deselected_one_is_selected_again_by_pinning_it(shop: Named, faq: Chatflow) -> None:
    key, _ = shop
    Selection.objects.filter(key=key).delete()
    publishable.pin(key, faq.id, factories.TESTER)
    assert of_key(key) == [faq]


def test_an_origin_is_added_once_in_its_one_spelling(shop: Named, acme: Team) -> None:
    key, _ = shop
    added = publishable.add_origin(key, " HTTPS://Bücher.Example:443 ", factories.TESTER)
    assert added == "https://xn--bcher-kva.example"
    assert key.origins == [factories.ORIGIN, added]
    assert last_event(acme).after == {"origin": added}
    before = factories.dump()
    publishable.add_origin(key, added, factories.TESTER)
    assert factories.dump() == before


@pytest.mark.parametrize(
    "text", ["", "*", "null", "https://*.com", "javascript:alert(1)", "https://a.example/x", "a\0b"]
)
def test_what_is_no_origin_is_not_added(shop: Named, text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        publishable.add_origin(shop[0], text, factories.TESTER)
    assert [*caught.value.message_dict] == ["origins"]


def test_its_last_origin_stays_and_one_of_two_goes(shop: Named, acme: Team) -> None:
    key, _ = shop
    with pytest.raises(ValidationError):
        publishable.remove_origin(key, factories.ORIGIN, factories.TESTER)
    publishable.add_origin(key, "https://b.example", factories.TESTER)
    publishable.remove_origin(key, factories.ORIGIN, factories.TESTER)
    assert key.origins == ["https://b.example"]
    assert last_event(acme).action == "api_key.remove_origin"


def test_not_more_origins_than_fit(shop: Named) -> None:
    key, _ = shop
    for number in range(49):
        publishable.add_origin(key, f"https://a{number}.example", factories.TESTER)
    with pytest.raises(ValidationError):
        publishable.add_origin(key, "https://b.example", factories.TESTER)
    assert len(key.origins) == 50
