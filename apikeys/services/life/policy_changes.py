"""Set the key policy of a team, and make its keys obey it at once.

What the gate reads stays as it is: a policy moves the end of keys to an earlier moment and takes
scopes out of them, in their rows.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Greatest
from django.utils import timezone

from accounts import audit
from accounts.models import Team
from accounts.permissions import SCOPES, Actor, Permission, with_implied
from accounts.services import members
from accounts.services.versions import Stale
from apikeys.models import ApiKey, ApiKeyQuerySet, KeyPolicy, KeySecret
from apikeys.services import keys
from apikeys.services.life import policies
from apikeys.services.life.policies import ALWAYS_ALLOWED, LIFE_WITHOUT_END, LONGEST_OVERLAP

MOST_DAYS = 3650
MOST_HOURS = LONGEST_OVERLAP // timedelta(hours=1)
MERCY = timedelta(hours=24)  # no key ends sooner after a policy was saved
NOBODY = Q(pk__in=[])
NOTED = 200  # keys whose change gets an audit row of its own


@dataclass(frozen=True, slots=True)
class Rules:
    """What a policy says. None: it asks nothing there."""

    longest_life: int | None = None  # days
    rotate_every: int | None = None  # days
    longest_overlap: int | None = None  # hours
    may_last_forever: bool = True
    scopes: frozenset[str] | None = None
    holders_may_rotate: bool = False

    @property
    def life(self) -> timedelta:
        """How long a text works where it has to end."""
        days = self.longest_life
        return LIFE_WITHOUT_END if days is None else timedelta(days=days)

    @property
    def refused(self) -> frozenset[str]:
        """The scopes that no key may hold."""
        if self.scopes is None:
            return frozenset()
        return frozenset(SCOPES) - with_implied(self.scopes) - ALWAYS_ALLOWED

    @property
    def refused_in_order(self) -> list[str]:
        """The scopes that no key may hold, in the order of the alphabet."""
        return sorted(self.refused)


class Conditions(NamedTuple):
    """Which keys of a team a policy changes."""

    endless: Q  # they have no end and get one
    earlier: Q  # they end earlier than they say
    losing: Q  # they lose a scope

    @property
    def ending(self) -> Q:
        """The keys whose end moves."""
        return self.endless | self.earlier

    @property
    def any(self) -> Q:
        """The keys that change in some way."""
        return self.ending | self.losing


class Effects(NamedTuple):
    """How many keys a policy changes, by what happens to them; `keys` counts each of them once."""

    endless: int
    earlier: int
    losing: int
    keys: int


def conditions(rules: Rules, now: datetime) -> Conditions:
    """Return which keys change. A key that never had a text obeys when it gets one."""
    texts = KeySecret.objects.filter(key=OuterRef("pk"))
    ending = ExpressionWrapper(F("created_at") + Value(rules.life), DateTimeField())
    longer = texts.annotate(until=ending).filter(until__gte=OuterRef("expires_at"))
    losing = NOBODY
    for scope in sorted(rules.refused):
        losing |= Q(scopes_text__contains=f'"{scope}"')
    return Conditions(
        endless=NOBODY if rules.may_last_forever else Q(Exists(texts), expires_at=None),
        earlier=Q(Exists(texts), ~Exists(longer), expires_at__gt=now + MERCY)
        if rules.longest_life
        else NOBODY,
        losing=losing,
    )


def effects(team: Team, rules: Rules, now: datetime) -> Effects:
    """Return how many keys a policy would change, by one statement."""
    asked = conditions(rules, now)
    return Effects(
        **_kept(team).aggregate(
            endless=Count("pk", filter=asked.endless),
            earlier=Count("pk", filter=asked.earlier),
            losing=Count("pk", filter=asked.losing),
            keys=Count("pk", filter=asked.any),
        )
    )


def most_used(team: Team, rules: Rules, now: datetime, which: Q, count: int) -> list[ApiKey]:
    """Return some of the keys that a condition names, the last used first, with `new_end`."""
    order = (F("last_used_at").desc(nulls_last=True), "name_key")
    first = list(_kept(team).filter(which).order_by(*order).values_list("pk", flat=True)[:count])
    # The new end looks at the secrets of each key: only of those that are shown.
    found = ApiKey.objects.of(team).filter(pk__in=first).annotate(new_end=_new_end(rules, now))
    return list(found.select_related("team").order_by(*order))


@transaction.atomic
def save(team: Team, rules: Rules, by: Actor, *, version: int, seen: int) -> Effects:
    """Save the policy and make every key obey it. Return how many keys changed.

    `version` is that of the policy that the page was drawn from, and `seen` how many keys the page
    said would change: more than that is not done unseen. Raises Stale, NotAllowed if the actor may
    not set policies any more, and ValidationError by field.
    """
    policies.lock(team)
    members.role_of(team, by, Permission.KEY_POLICY_UPDATE)
    _check(rules)
    policy, now = policies.of(team), timezone.now()
    changes = effects(team, rules, now)
    if policy.version != version or changes.keys > seen:
        raise Stale
    before = rules_of(policy)
    _lock(team, rules, now)
    _write(policy, rules)
    target = audit.Target("key_policy", str(team.id), "key policy")
    after = _facts(rules) | {"keys": changes.keys}
    audit.record(team.id, "key_policy.update", by, target, before=_facts(before), after=after)
    _obey(team, rules, by, now)
    return changes


def rules_of(policy: KeyPolicy) -> Rules:
    """Return what a stored policy says."""
    return Rules(
        longest_life=policy.longest_life,
        rotate_every=policy.rotate_every,
        longest_overlap=policy.longest_overlap,
        may_last_forever=policy.may_last_forever,
        scopes=None if policy.scopes is None else frozenset(policy.scopes),
        holders_may_rotate=policy.holders_may_rotate,
    )


def _kept(team: Team) -> ApiKeyQuerySet:
    kept = ApiKey.objects.of(team).kept()
    return kept.annotate(scopes_text=Cast("scopes", TextField()))


def _new_end(rules: Rules, now: datetime) -> Greatest:
    texts = KeySecret.objects.filter(key=OuterRef("pk")).order_by().values("key")
    newest = Subquery(texts.annotate(at=Max("created_at")).values("at"))
    ending = ExpressionWrapper(newest + Value(rules.life), DateTimeField())
    return Greatest(ending, Value(now + MERCY, DateTimeField()))


def _lock(team: Team, rules: Rules, now: datetime) -> None:
    """Lock the keys that change, in the order of the recorder's batches.

    Before the first audit row: whoever changes one key holds it while waiting for the chain's head.
    """
    changing = _kept(team).filter(conditions(rules, now).any).order_by("pk")
    for _ in changing.select_for_update(no_key=True, of=("self",)).values_list("pk").iterator():
        pass


def _obey(team: Team, rules: Rules, by: Actor, now: datetime) -> None:
    asked = conditions(rules, now)
    noted = list(_kept(team).filter(asked.any).order_by("name_key", "pk")[:NOTED])
    moved = _kept(team).filter(asked.ending)
    moved.update(expires_at=_new_end(rules, now), version=F("version") + 1)
    losing = _kept(team).filter(asked.losing)
    for scopes in list(losing.order_by().values_list("scopes", flat=True).distinct()):
        left = [scope for scope in scopes if scope not in rules.refused]
        losing.filter(scopes=scopes).update(scopes=left, version=F("version") + 1)
    now_is = {key.pk: key for key in ApiKey.objects.of(team).filter(pk__in=[k.pk for k in noted])}
    for key in noted:
        before, after = _key_facts(key), _key_facts(now_is[key.pk])
        target = keys.target(key)
        audit.record(team.id, "api_key.obey_policy", by, target, before=before, after=after)


def _write(policy: KeyPolicy, rules: Rules) -> None:
    if policy.pk is not None:
        policy.version += 1
    policy.longest_life = rules.longest_life
    policy.rotate_every = rules.rotate_every
    policy.longest_overlap = rules.longest_overlap
    policy.may_last_forever = rules.may_last_forever
    policy.holders_may_rotate = rules.holders_may_rotate
    policy.scopes = None if rules.scopes is None else sorted(with_implied(rules.scopes))
    policy.save()


def _check(rules: Rules) -> None:
    for name in ("longest_life", "rotate_every"):
        days = getattr(rules, name)
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise ValidationError({name: f"Use a number of days from 1 to {MOST_DAYS}."})
    hours = rules.longest_overlap
    if hours is not None and not 0 <= hours <= MOST_HOURS:
        raise ValidationError({"longest_overlap": f"Use at most {MOST_HOURS} hours."})
    if rules.scopes is not None and not SCOPES.issuperset(rules.scopes):
        raise ValidationError({"scopes": "Unknown scope."})


def _facts(rules: Rules) -> dict[str, object]:
    scopes = None if rules.scopes is None else sorted(rules.scopes)
    return {**asdict(rules), "scopes": scopes}


def _key_facts(key: ApiKey) -> dict[str, object]:
    expires_at = key.expires_at.isoformat() if key.expires_at else None
    return {"expires_at": expires_at, "scopes": list(key.scopes)}
