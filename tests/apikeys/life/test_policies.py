"""The key policy of a team: it takes away, it never gives, and no key escapes it."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import AuditEvent, Team, User
from accounts.permissions import SCOPES, Actor, Permission
from accounts.services.members import NotAllowed
from accounts.services.versions import Stale
from apikeys.models import ApiKey, KeyPolicy, KeySecret
from apikeys.services import details, keys
from apikeys.services.life import expiry, policies, policy_changes, rotation
from apikeys.services.life.policy_changes import Effects, Rules
from tests import factories
from tests.apikeys.life.clocks import Clock
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ALL = frozenset(scope.value for scope in SCOPES)


def old_key(team: Team, name: str, age: timedelta, left: timedelta | None) -> ApiKey:
    """A key whose text was made some time ago, and that ends in some time."""
    key, _ = factories.key(team, name)
    now = timezone.now()
    KeySecret.objects.filter(key=key).update(created_at=now - age)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=now + left if left else None)
    return key


def end_of(key: ApiKey) -> datetime | None:
    return ApiKey.objects.get(pk=key.pk).expires_at


def save(team: Team, rules: Rules, by: Actor = factories.TESTER) -> Effects:
    """Save a policy as its page does."""
    seen = policy_changes.effects(team, rules, timezone.now()).keys
    version = policies.of(team).version
    return policy_changes.save(team, rules, by, version=version, seen=seen)


def test_each_key_ends_at_most_a_life_after_its_newest_text_and_never_within_a_day(
    acme: Team, clock: Clock
) -> None:
    young = old_key(acme, "young", 10 * DAY, None)
    old = old_key(acme, "old", 400 * DAY, None)
    long = old_key(acme, "long", 10 * DAY, 900 * DAY)
    short = old_key(acme, "short", 10 * DAY, 5 * DAY)
    over = old_key(acme, "over", 10 * DAY, -5 * DAY)
    ends = [end_of(short), end_of(over)]
    changed = save(acme, Rules(longest_life=90, may_last_forever=False))
    assert changed == Effects(endless=2, earlier=1, losing=0, keys=3)
    assert end_of(young) == clock.now + 80 * DAY
    assert end_of(old) == clock.now + DAY
    assert end_of(long) == clock.now + 80 * DAY
    assert [end_of(short), end_of(over)] == ends


def test_keys_without_an_end_may_stay_where_the_policy_lets_them(acme: Team, clock: Clock) -> None:
    endless = old_key(acme, "endless", 400 * DAY, None)
    assert save(acme, Rules(longest_life=90)).keys == 0
    assert end_of(endless) is None
    assert save(acme, Rules(may_last_forever=False)).endless == 1
    assert end_of(endless) == clock.now + DAY


def test_a_looser_policy_restores_nothing(acme: Team, clock: Clock) -> None:
    key = old_key(acme, "crm-sync", DAY, None)
    ApiKey.objects.filter(pk=key.pk).update(scopes=["audit:view", "predictions:create"])
    save(acme, Rules(longest_life=30, may_last_forever=False, scopes=frozenset()))
    save(acme, Rules())
    key.refresh_from_db()
    assert key.expires_at == clock.now + 29 * DAY
    assert key.scopes == ["predictions:create"]


def test_the_policy_takes_scopes_out_of_the_rows(acme: Team) -> None:
    held = {
        "asks": ["predictions:create"],
        "reads": ["audit:view", "predictions:create"],
        "deletes": ["apikeys:delete", "apikeys:view"],
    }
    for name, scopes in held.items():
        ApiKey.objects.filter(pk=factories.key(acme, name)[0].pk).update(scopes=scopes)
    changed = save(acme, Rules(scopes=ALL - {"apikeys:delete", "audit:view"}))
    assert (changed.losing, changed.keys) == (2, 2)
    left = dict(ApiKey.objects.of(acme).values_list("name", "scopes"))
    assert left["asks"] == left["reads"] == ["predictions:create"]
    assert left["deletes"] == ["apikeys:view"]


def test_asking_chatflows_is_always_allowed(acme: Team) -> None:
    save(acme, Rules(scopes=frozenset()))
    assert policies.allowed_scopes(acme) == {"predictions:create"}


def test_other_teams_and_deleted_keys_stay_as_they_are(acme: Team, globex: Team) -> None:
    theirs = old_key(globex, "theirs", 400 * DAY, None)
    gone = old_key(acme, "gone", 400 * DAY, None)
    keys.delete(gone, factories.TESTER)
    assert save(acme, Rules(may_last_forever=False)).keys == 0
    assert end_of(theirs) is None
    assert end_of(gone) is None


def test_each_changed_key_has_its_row_in_the_audit_trail_up_to_a_bound(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_changes, "NOTED", 3)
    for number in range(5):
        old_key(acme, f"key {number}", 400 * DAY, None)
    assert save(acme, Rules(may_last_forever=False)).keys == 5
    events = AuditEvent.objects.filter(team_id=acme.id)
    assert events.filter(action="api_key.obey_policy").count() == 3
    policy = events.get(action="key_policy.update")
    assert policy.after is not None
    assert policy.after["keys"] == 5


def test_a_policy_that_would_change_more_than_its_page_said_is_not_saved(acme: Team) -> None:
    rules = Rules(may_last_forever=False)
    old_key(acme, "first", 400 * DAY, None)
    seen = policy_changes.effects(acme, rules, timezone.now()).keys
    second = old_key(acme, "second", 400 * DAY, None)
    before = factories.dump()
    with pytest.raises(Stale):
        policy_changes.save(acme, rules, factories.TESTER, version=1, seen=seen)
    with pytest.raises(Stale):
        policy_changes.save(acme, rules, factories.TESTER, version=2, seen=9)
    assert factories.dump() == before
    assert end_of(second) is None


@pytest.mark.parametrize(
    "rules",
    [
        Rules(longest_life=0),
        Rules(longest_life=-1),
        Rules(longest_life=3651),
        Rules(rotate_every=0),
        Rules(rotate_every=2**63),
        Rules(longest_overlap=-1),
        Rules(longest_overlap=721),
        Rules(scopes=frozenset({"*"})),
        Rules(scopes=frozenset({"team:update"})),
    ],
    ids=str,
)
def test_an_odd_policy_is_refused(acme: Team, rules: Rules) -> None:
    before = factories.dump()
    with pytest.raises(ValidationError):
        policy_changes.save(acme, rules, factories.TESTER, version=1, seen=99)
    assert factories.dump() == before


def test_an_editor_sets_no_policy(acme: Team, eddie: User) -> None:
    by = Actor("person", str(eddie.pk), "eddie")
    with pytest.raises(NotAllowed):
        policy_changes.save(acme, Rules(), by, version=1, seen=0)


def test_new_keys_obey_the_policy(acme: Team, clock: Clock) -> None:
    save(acme, Rules(longest_life=90, may_last_forever=False, scopes=frozenset()))
    for end in (None, clock.now + 90 * DAY + timedelta(microseconds=1)):
        with pytest.raises(ValidationError, match="key policy"):
            keys.create(acme, "crm-sync", factories.TESTER, expires_at=end)
    end = clock.now + 90 * DAY
    with pytest.raises(ValidationError, match="audit:view"):
        keys.create(
            acme, "crm-sync", factories.TESTER, expires_at=end, scopes=[Permission.AUDIT_VIEW]
        )
    keys.create(acme, "crm-sync", factories.TESTER, expires_at=end)


def test_a_key_that_waited_for_its_first_text_obeys_with_it(
    acme: Team, default_key: ApiKey, clock: Clock
) -> None:
    assert save(acme, Rules(may_last_forever=False)).keys == 0
    assert end_of(default_key) is None
    keys.issue(default_key, factories.TESTER)
    assert end_of(default_key) == clock.now + 365 * DAY


def test_scopes_cannot_be_added_that_the_policy_forbids(integration: Integration) -> None:
    save(integration.key.team, Rules(scopes=frozenset()))
    with pytest.raises(ValidationError, match="audit:view"):
        details.change_scopes(
            integration.key, ["audit:view"], factories.TESTER, version=integration.key.version
        )


def test_extending_obeys_the_policy_and_a_new_text_gives_a_new_life(
    acme: Team, clock: Clock
) -> None:
    key = old_key(acme, "crm-sync", 80 * DAY, 5 * DAY)
    save(acme, Rules(longest_life=90))
    expiry.set_end(key, clock.now + 10 * DAY, factories.TESTER)
    with pytest.raises(ValidationError, match="no end after"):
        expiry.set_end(key, clock.now + 11 * DAY, factories.TESTER)
    new_end = clock.now + 90 * DAY
    rotation.rotate(key, factories.TESTER, overlap=DAY, expires_at=new_end)
    assert end_of(key) == new_end


def test_a_publishable_key_obeys_too(integration: Integration, clock: Clock) -> None:
    ApiKey.objects.filter(pk=integration.key.pk).update(
        kind="publishable", pinned_to=factories.NOBODYS_ID, limit_day=1
    )
    assert save(integration.key.team, Rules(may_last_forever=False)).endless == 1


def test_a_team_has_one_policy(acme: Team) -> None:
    save(acme, Rules(longest_life=90))
    save(acme, Rules(longest_life=30, rotate_every=7, longest_overlap=24))
    policy = KeyPolicy.objects.get(team=acme)
    assert (policy.longest_life, policy.rotate_every, policy.longest_overlap) == (30, 7, 24)
    assert policy.version == 2
