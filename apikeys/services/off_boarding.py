"""Off-boarding: the keys that a person created, knows or looks after, and what becomes of them.

Nothing here makes a text, so nobody gains by it: it only ever ends texts or changes whom to ask.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, Value
from django.utils import timezone

from accounts import audit
from accounts.held_keys import (
    Choice,
    Choices,
    Knowing,
    Named,
    Outcome,
    Sheet,
    SheetKey,
    SheetSize,
    UnknownChoice,
    Way,
)
from accounts.models import Role, Team, User
from accounts.permissions import Actor
from apikeys import resources
from apikeys.models import ApiKey, ApiKeyQuerySet, KeySecret, Kind
from apikeys.services import key_rows, keys
from apikeys.services.life import policies, rotation

DETAILED = 50  # keys that the sheet shows one by one
WRITTEN = 500  # rows that one statement names

KNOWN = (Knowing.SEEN, Knowing.UNNOTED)
ENDED = {Way.ROTATE: "api_key.let_end", Way.REVOKE: "api_key.revoke_secrets"}


def size(team: Team, user: User) -> SheetSize:
    """Return how many keys are on a person's sheet, in one statement."""
    found = _of(team, user).aggregate(total=Count("pk"), known=Count("pk", filter=Q(is_known=True)))
    return SheetSize(found["total"], found["known"])


def sheet(team: Team, user: User) -> Sheet:
    """Return a person's sheet, the keys that were used last first."""
    counted = size(team, user)
    if not counted.total:
        return Sheet((), counted)
    by_use = F("last_used_at").desc(nulls_last=True)
    found = _of(team, user).with_status().select_related("created_by")
    rows = list(found.order_by(by_use, "name_key")[:DETAILED])
    opened = resources.registry().of_keys(rows)
    calls = key_rows.calls(rows)
    return Sheet(
        [_on_sheet(key, user, opened.get(key.id, ()), calls.get(key.id, 0)) for key in rows],
        counted,
        policies.longest_overlap(team),
    )


def carry_out(team: Team, user: User, choices: Choices, by: Actor) -> Outcome:
    """Do what was chosen on a person's sheet, in the transaction of the caller.

    A text that came into being after the sheet was drawn works on, and its key is named in the
    outcome. Raises UnknownChoice for a key that the team never had.
    """
    # All keys are locked before the first event: an event locks the chain's head, and a change of
    # one key waits for it while it holds the key.
    mine = _locked(_of(team, user))
    of_accounts = _locked(_of_revoked_accounts(team, user, choices))
    _must_know(team, choices.keys)
    outcome = Outcome(asked={key.id for key in mine})
    ways: dict[ApiKey, Choice] = {}
    for key in mine:
        choice = _choice(key, choices)
        if choice is None:
            outcome.came_later.append(key_rows.named(key))
        else:
            ways[key] = choice
    ways |= dict.fromkeys(of_accounts, Choice(Way.REVOKE))
    overlap = min(choices.overlap, policies.longest_overlap(team))
    audit.record_all(team.id, by, _end_texts(user, ways, choices, overlap, outcome))
    _give(team, {key: c.to for key, c in ways.items() if c.way == Way.GIVE}, outcome, by)
    return outcome


def known(team: Team, user: User) -> Mapping[UUID, Named]:
    """Return the keys with a text that a person knows."""
    found = _of(team, user).only("id", "name").order_by("name_key")
    return {
        key.id: Named(key.name, key_rows.url_of(team, key.id)) for key in found if _is_known(key)
    }


def forget_contact(team: Team, user: User, role: Role | None, by: Actor, **_: Any) -> None:
    """Forget a contact who is no longer a member. Receives `membership_changed`."""
    if role is None:
        # `carry_out` has locked these keys already, before the head of the chain.
        orphans = ApiKey.objects.of(team).kept().filter(contact=user).select_related("contact")
        _set_contact(team, list(orphans), None, by)


def _of(team: Team, user: User) -> ApiKeyQuerySet:
    """Return the keys of a sheet, with `is_known`: the person knows a text that works."""
    live = KeySecret.objects.live(timezone.now()).filter(key__team=team)
    shown = live.filter(shown_to=user).values("key")
    unnoted = live.filter(shown_to=None, key__created_by=user).values("key")
    kept = ApiKey.objects.of(team).kept()
    # Each of these is one look into an index. By OR, PostgreSQL would read every key of the team;
    # by EXISTS, SQLite would read every text of the person for each key.
    made, cared_for = kept.filter(created_by=user), kept.filter(contact=user)
    ids = made.values("pk").union(cared_for.values("pk"), shown)
    known = Q(pk__in=shown) | Q(pk__in=unnoted)
    return kept.filter(pk__in=ids).annotate(is_known=Q(kind=Kind.SECRET) & known)


def _locked(keys: ApiKeyQuerySet) -> list[ApiKey]:
    named = keys.select_related("team", "contact")
    return list(named.select_for_update(of=("self",), no_key=True).order_by("pk"))


def _of_revoked_accounts(team: Team, user: User, choices: Choices) -> ApiKeyQuerySet:
    revoked = [pk for pk, choice in choices.accounts.items() if choice.way == Way.REVOKE]
    held = ApiKey.objects.of(team).kept().filter(service_account__in=revoked)
    return held.filter(service_account__owner=user)  # not one that was given away meanwhile


def _must_know(team: Team, ids: Iterable[UUID]) -> None:
    # A key that was deleted meanwhile, or that is on the sheet no longer, is none to refuse.
    wanted = set(ids)
    if ApiKey.objects.of(team).filter(pk__in=wanted).count() != len(wanted):
        raise UnknownChoice


def _choice(key: ApiKey, choices: Choices) -> Choice | None:
    """Return what was chosen for a key of the sheet. None: it was not there to choose for."""
    if key.id in choices.keys:
        return choices.keys[key.id]
    if choices.others is None or key.created_at > choices.drawn_at:
        return None
    if choices.others.way == Way.ADVISED:
        return Choice(Way.ROTATE if _is_known(key) else Way.KEEP)
    return choices.others


def _end_texts(
    user: User,
    ways: Mapping[ApiKey, Choice],
    choices: Choices,
    overlap: timedelta,
    outcome: Outcome,
) -> list[audit.Entry]:
    """End the texts of keys that are rotated or revoked, and return what the trail says of it."""
    now = timezone.now()
    ends = {Way.ROTATE: now + overlap, Way.REVOKE: now}
    texts = _live_texts(now, [key for key, choice in ways.items() if choice.way in ends])
    done = {Way.ROTATE: outcome.rotated, Way.REVOKE: outcome.revoked}
    ended: defaultdict[Way, list[int]] = defaultdict(list)
    entries = []
    for key, choice in ways.items():
        way, live = choice.way, texts.get(key.id, [])
        if way in (Way.KEEP, Way.GIVE) and _is_known(key):
            outcome.kept_known.append(key_rows.named(key))
        drawn = [text for text in live if text.created_at <= choices.drawn_at]
        due = _ending_later(_due(user, key, way, drawn), ends.get(way, now))
        if due:
            ended[way] += [text.pk for text in due]
            done[way].append(key_rows.named(key))
            entries.append(_ended(key, way, due, ends[way], choices))
        newer = [text for text in live if text.created_at > choices.drawn_at]
        if newer and (not due or any(_knows(user, key, text) for text in newer)):
            outcome.came_later.append(key_rows.named(key))
    for way, pks in ended.items():
        _end(pks, ends[way], now, when_silent=choices.when_silent and way == Way.ROTATE)
    outcome.ends_at = ends[Way.ROTATE] if outcome.rotated else None
    return entries


def _due(user: User, key: ApiKey, way: Way, texts: list[KeySecret]) -> list[KeySecret]:
    """Return the texts that end: a text that only others know goes on beside one that is known."""
    if way == Way.REVOKE or key.kind == Kind.PUBLISHABLE:
        return texts
    return [text for text in texts if _knows(user, key, text)] or texts


def _ending_later(texts: Iterable[KeySecret], at: datetime) -> list[KeySecret]:
    # No text gets more time than it had.
    return [text for text in texts if text.ends_at is None or text.ends_at > at]


def _end(pks: Sequence[int], at: datetime, now: datetime, *, when_silent: bool) -> None:
    for start in range(0, len(pks), WRITTEN):
        some = KeySecret.objects.filter(pk__in=pks[start : start + WRITTEN])
        if at <= now:
            some.end(now)
        else:
            rotation.let_all_end(some, at, now, when_silent=when_silent)


def _ended(
    key: ApiKey, way: Way, texts: Sequence[KeySecret], at: datetime, choices: Choices
) -> audit.Entry:
    after: dict[str, object] = {"public_ids": [text.public_id for text in texts]}
    if way == Way.ROTATE:
        after |= {"old_secret_ends_at": at.isoformat(), "ends_when_silent": choices.when_silent}
    return audit.Entry(ENDED[way], keys.target(key), after=after)


def _give(team: Team, given: Mapping[ApiKey, User | None], outcome: Outcome, by: Actor) -> None:
    by_heir: defaultdict[User, list[ApiKey]] = defaultdict(list)
    for key, to in given.items():
        if to is not None:
            by_heir[to].append(key)
            outcome.given.append(key_rows.named(key))
    for to, theirs in by_heir.items():
        _set_contact(team, theirs, to, by)


def _set_contact(team: Team, changed: Sequence[ApiKey], to: User | None, by: Actor) -> None:
    entries = [
        audit.Entry(
            "api_key.give" if to else "api_key.forget_contact",
            keys.target(key),
            before={"contact": key.contact.username if key.contact else key.contact_email or None},
            after={"contact": to.username if to else None},
        )
        for key in changed
    ]
    pks = [key.pk for key in changed]
    for start in range(0, len(pks), WRITTEN):
        ApiKey.objects.filter(pk__in=pks[start : start + WRITTEN]).update(
            contact=to,
            contact_email="",
            contact_confirmed_at=None,
            version=F("version") + Value(1),
        )
    audit.record_all(team.id, by, entries)


def _live_texts(now: datetime, of_keys: Sequence[ApiKey]) -> Mapping[UUID, list[KeySecret]]:
    pks = [key.pk for key in of_keys]
    found: defaultdict[UUID, list[KeySecret]] = defaultdict(list)
    for start in range(0, len(pks), WRITTEN):
        for text in KeySecret.objects.live(now).filter(key__in=pks[start : start + WRITTEN]):
            found[text.key_id].append(text)
    return found


def _on_sheet(
    key: ApiKey, user: User, opened: Sequence[resources.Resource], calls: int
) -> SheetKey:
    live = _live(key)
    knowing = _knowing(key, user, live)
    known = [text for text in live if _knows(user, key, text)] if knowing in KNOWN else []
    ends = [text.ends_at for text in known if text.ends_at]
    return SheetKey(
        id=key.id,
        key=key_rows.held(key, calls),
        knowing=knowing,
        shown_at=max((text.created_at for text in known), default=None),
        known_until=max(ends) if known and len(ends) == len(known) else None,
        maker=key.created_by.username if key.created_by and key.created_by != user else "",
        is_contact=key.contact_id == user.pk,
        account=key.service_account.name if key.service_account else "",
        opens=len(opened),
        closing=[resource.name for resource in opened if resource.would_close],
    )


def _live(key: ApiKey) -> list[KeySecret]:
    now = timezone.now()
    return [text for text in key.secrets.all() if text.ends_at is None or text.ends_at > now]


def _knowing(key: ApiKey, user: User, live: Sequence[KeySecret]) -> Knowing:
    if not live:
        return Knowing.NONE
    if key.kind == Kind.PUBLISHABLE:
        return Knowing.PUBLIC
    known = [text for text in live if _knows(user, key, text)]
    if not known:
        return Knowing.UNSEEN
    is_noted = any(text.shown_to_id is not None for text in known)
    return Knowing.SEEN if is_noted else Knowing.UNNOTED


def _knows(user: User, key: ApiKey, text: KeySecret) -> bool:
    """Whether a person knows a text: it was shown to them, or to nobody noted and they made it.

    The Python twin of `is_known`, for a secret key.
    """
    if text.shown_to_id is None:
        return key.created_by_id == user.pk
    return text.shown_to_id == user.pk


def _is_known(key: ApiKey) -> bool:
    return bool(getattr(key, "is_known", False))
