"""Badges of keys: the states that pages show, their words and their colours. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum


class Status(StrEnum):
    """The state of a key, as pages show it."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    DISABLED = "disabled"
    ACCOUNT_DISABLED = "account_disabled"
    TEAM_SUSPENDED = "team_suspended"
    UNISSUED = "unissued"


USABLE = (Status.ACTIVE, Status.EXPIRING)  # the text of such a key works
_WORDS = {
    Status.DISABLED: "Disabled",
    Status.ACCOUNT_DISABLED: "Account disabled",
    Status.TEAM_SUSPENDED: "Team suspended",
    Status.UNISSUED: "No secret yet",
}
_TONES = {Status.ACTIVE: "ok", Status.EXPIRING: "look", Status.EXPIRED: "bad"}
Ends = Sequence[datetime | None]  # when each live secret ends, the newest first


def words(status: Status, expires_at: datetime | None, ends: Ends, now: datetime) -> str:
    """Return the status as a badge says it."""
    if expires_at is not None and status is Status.EXPIRED:
        return f"Expired {expires_at.day} {expires_at:%b}"
    if expires_at is not None and status is Status.EXPIRING:
        days = (expires_at - now).days
        return f"Expires in {days} days" if days > 1 else "Expires within a day or two"
    if status is Status.ACTIVE and (ending := ends[-1]):
        left = _left(ending - now)
        return f"Rotating, {left} left" if len(ends) > 1 else f"Secret ends in {left}"
    return _WORDS.get(status, "Active")


def tone(status: Status, ends: Ends) -> str:
    """Return the colour family of the badge."""
    is_ending = status in USABLE and ends[-1] is not None
    return "look" if is_ending else _TONES.get(status, "none")


def _left(span: timedelta) -> str:
    """Return a span in its largest unit, as a badge has room for."""
    for unit, letter in ((timedelta(days=2), "d"), (timedelta(hours=1), "h")):
        if span >= unit:
            return f"{span // timedelta(days=1) if letter == 'd' else span // unit} {letter}"
    return f"{max(1, span // timedelta(minutes=1))} min"
