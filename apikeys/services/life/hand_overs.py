"""Hand-over by link: the text of a key comes into being when its holder presses a button.

Nothing is stored but the right to issue once. Nobody but the holder ever sees the text.
"""

from datetime import timedelta
from typing import Any, TypedDict

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.crypto import digests
from accounts.models import Role, Team, User, names
from accounts.permissions import Actor
from apikeys.models import ApiKey, HandOver, KeySecret
from apikeys.models.hand_overs import MOST_WRONG
from apikeys.services import keys, rights
from apikeys.services.life import expiry, policies, rotation

LIFETIMES = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
USUAL = "24h"
LEAST_PASSPHRASE, MOST_PASSPHRASE = 6, 200  # characters
HOLDER = "whoever opened the hand-over link"


class LinkTerms(TypedDict):
    """What a link is whatever becomes of the key's present text."""

    lifetime: timedelta
    holder: str
    passphrase: str


class Closed(Exception):
    """The link gives nothing any more. `hand_over` is None for one that never was."""

    def __init__(self, hand_over: HandOver | None) -> None:
        super().__init__()
        self.hand_over = hand_over


class NotNow(Exception):
    """The key is disabled or is rotating, or its team is suspended. Nothing was used up."""


class WrongPassphrase(Exception):
    """The passphrase is not the one that was set. `left` more can be tried."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left


@transaction.atomic
def make(
    key: ApiKey,
    by: Actor,
    *,
    lifetime: timedelta,
    holder: str = "",
    passphrase: str = "",
    overlap: timedelta = timedelta(),
    when_silent: bool = False,
    moves_end: bool = False,
) -> tuple[HandOver, str]:
    """Create a link for whoever will hold the key. Return it and its token, stored nowhere.

    `holder` says for whom it is meant, and is shown to the team alone. A key with a text is rotated
    when the link is used: the overlap begins then, and with `moves_end` the key's end moves as
    `expiry.new_end` has it. Raises NotAllowed unless the actor holds all scopes of the key, and
    ValidationError by field: for a publishable key, one that waits for a holder already, a holder
    that is no visible line, a passphrase that is too short or too long, and an overlap that the key
    policy does not allow.
    """
    policies.lock(key.team)
    now = timezone.now()
    locked = ApiKey.objects.kept().select_for_update(no_key=True).get(pk=key.pk)
    rights.check(key.team, by, locked.scopes)
    holder = holder.strip()
    _check_terms(locked, holder, passphrase, overlap)
    if HandOver.objects.waiting(now).filter(key=key).exists():
        raise ValidationError({"key": "A link for this key waits already. End it first."})
    HandOver.objects.filter(key=key, taken_at=None, ended_at=None).update(ended_at=now)
    token = digests.new_link_token()
    made = HandOver.objects.create(
        team=key.team,
        key=key,
        digest=digests.link_token_digest(token),
        passphrase=make_password(passphrase) if passphrase else "",
        made_by_kind=by.kind,
        made_by_id=by.id,
        made_by_name=by.name,
        ends_at=now + lifetime,
        holder=holder,
        overlap=overlap,
        when_silent=when_silent,
        moves_end=moves_end,
    )
    after = {"ends_at": made.ends_at.isoformat(), "has_passphrase": bool(passphrase)}
    if holder:
        after["holder"] = holder
    audit.record(key.team_id, "api_key.make_hand_over", by, keys.target(key), after=after)
    return made, token


def url(token: str) -> str:
    """Return the address of a link."""
    return settings.PUBLIC_URL + reverse("key_link", args=[token])


@transaction.atomic
def revoke(hand_over: HandOver, by: Actor) -> bool:
    """End a link. Return whether it waited."""
    now = timezone.now()
    ended = HandOver.objects.waiting(now).filter(pk=hand_over.pk).update(ended_at=now)
    if ended:
        target = keys.target(hand_over.key)
        audit.record(hand_over.team_id, "api_key.end_hand_over", by, target)
    return bool(ended)


def latest_of(key: ApiKey) -> HandOver | None:
    """Return the newest link of a key, in any state, or None."""
    return HandOver.objects.filter(key=key).order_by("-pk").first()


def find(digest: str) -> HandOver | None:
    """Return the link of a token's digest, in any state. Changes nothing."""
    if not digest:
        return None
    rows = HandOver.objects.select_related("key__team", "key__service_account")
    return rows.filter(digest=digest, key__deleted_at=None).first()


def take(digest: str, passphrase: str, address: str) -> tuple[ApiKey, str]:
    """Make the text and return the key and the text, to one caller however many try at once.

    `address` is the network address of the holder. Raises Closed, NotNow and WrongPassphrase.
    """
    found = find(digest)
    if found is None or not found.is_waiting:
        raise Closed(found)
    _check_now(found)
    _check_passphrase(found, passphrase)
    try:
        return _take(found, address)
    except rights.NotAllowed:  # who made it may not give this key any more
        HandOver.objects.filter(pk=found.pk).update(ended_at=timezone.now())
        raise Closed(find(digest)) from None
    except rotation.TwoSecrets:
        raise NotNow from None


def end_of_removed(team: Team, user: User, role: Role | None, by: Actor, **_: Any) -> None:
    """End the links of a person who leaves the team. Receives `membership_changed`."""
    if role is None:
        mine = HandOver.objects.of(team).filter(made_by_kind="person", made_by_id=str(user.pk))
        mine.filter(taken_at=None, ended_at=None).update(ended_at=timezone.now())


@transaction.atomic
def _take(found: HandOver, address: str) -> tuple[ApiKey, str]:
    key, now = found.key, timezone.now()
    policies.lock(key.team)
    key.refresh_from_db()
    if key.deleted_at is not None:
        raise Closed(None)
    _check_now(found)
    waiting = HandOver.objects.filter(pk=found.pk, taken_at=None, ended_at=None, ends_at__gt=now)
    if not waiting.update(taken_at=now, taken_from=address):
        raise Closed(find(found.digest))
    if KeySecret.objects.live(now).filter(key=key).exists():
        text = rotation.rotate(
            key,
            found.maker,
            # The policy may have become stricter since the link was made.
            overlap=min(found.overlap, policies.longest_overlap(key.team)),
            when_silent=found.when_silent,
            expires_at=expiry.new_end(key, now) if found.moves_end else None,
        )
    else:
        text = keys.issue(key, found.maker)
    newest = KeySecret.objects.filter(key=key).order_by("-pk").first()
    assert newest is not None
    HandOver.objects.filter(pk=found.pk).update(public_id=newest.public_id)
    by = Actor("system", "hand_over", HOLDER, address)
    after = {"public_id": newest.public_id}
    audit.record(key.team_id, "api_key.take_hand_over", by, keys.target(key), after=after)
    return key, text


def _check_terms(key: ApiKey, holder: str, passphrase: str, overlap: timedelta) -> None:
    if key.is_publishable:
        raise ValidationError({"key": "The text of a publishable key is shown at any time."})
    if holder and not names.is_plain(holder):
        raise ValidationError({"holder": names.NOT_PLAIN})
    if passphrase and not LEAST_PASSPHRASE <= len(passphrase) <= MOST_PASSPHRASE:
        said = f"Use {LEAST_PASSPHRASE} to {MOST_PASSPHRASE} characters, or none."
        raise ValidationError({"passphrase": said})
    longest = policies.longest_overlap(key.team)
    if not timedelta() <= overlap <= longest:
        words = rotation.words(longest)
        raise ValidationError({"overlap": f"Both texts may work for at most {words}."})


def _check_now(found: HandOver) -> None:
    key, now = found.key, timezone.now()
    account = key.service_account
    is_off = key.disabled_at is not None or key.team.suspended_at is not None
    is_over = key.expires_at is not None and key.expires_at <= now
    if is_over and found.moves_end:
        is_over = expiry.new_end(key, now) is None
    if is_off or is_over or (account is not None and not account.is_usable):
        raise NotNow


def _check_passphrase(found: HandOver, passphrase: str) -> None:
    """Raise WrongPassphrase, or Closed after the fifth.

    A try is counted before it is looked at, so that many at once are five as well.
    """
    if not found.passphrase:
        return
    mine = HandOver.objects.filter(pk=found.pk)
    if not mine.filter(pk__in=HandOver.objects.waiting(timezone.now())).update(
        wrong_passphrases=F("wrong_passphrases") + 1
    ):
        raise Closed(find(found.digest))
    if check_password(passphrase[: MOST_PASSPHRASE + 1], found.passphrase):
        mine.update(wrong_passphrases=F("wrong_passphrases") - 1)
        return
    again = find(found.digest)
    if again is None or not again.is_waiting:
        raise Closed(again)
    raise WrongPassphrase(MOST_WRONG - again.wrong_passphrases)
