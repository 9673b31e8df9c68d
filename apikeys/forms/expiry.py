"""When a key ends: the choices of forms, each beside the day that it means."""

from datetime import date, datetime, timedelta

from django.utils import timezone

from apikeys.services.life.expiry import END_OF_DAY

TERMS = {"30": "In 30 days", "90": "In 90 days", "365": "In a year"}
NEVER, ON_DATE = "never", "date"


def life(days: int | None) -> timedelta | None:
    """Return the longest life that a key policy allows, or None for any."""
    return timedelta(days=days) if days is not None else None


def choices(longest: timedelta | None, *, may_last_forever: bool = True) -> list[tuple[str, str]]:
    """Return the choices that a key policy allows. `longest` is None for any length of life."""
    terms = [(days, words) for days, words in TERMS.items() if _fits(int(days), longest)]
    never = [(NEVER, "Never")] if may_last_forever else []
    return [*terms, (ON_DATE, "On a date"), *never]


def default(offered: list[tuple[str, str]]) -> str:
    """Return the choice that a form begins with: never, where that is offered."""
    values = [value for value, _ in offered]
    return next(value for value in (NEVER, "90", values[0]) if value in values)


def resolve(choice: str, day: date | None, longest: timedelta | None = None) -> datetime | None:
    """Return the moment that a choice means; None for never and for a date without a day.

    A day counts to its end. On the last day that a policy allows, it ends with the policy's hour.
    """
    if choice == ON_DATE:
        return _end_of(day, longest) if day else None
    return None if choice == NEVER else timezone.now() + timedelta(days=int(choice))


def span(longest: timedelta | None) -> dict[str, str]:
    """Return the first and the last day of a date field, as attributes of HTML."""
    now = timezone.now()
    last = {"max": _last_day(longest).isoformat()} if longest is not None else {}
    return {"min": now.date().isoformat(), **last}


def words(moment: datetime) -> str:
    """Return a moment's day, as pages write it."""
    return f"{moment.day} {moment:%B %Y}"


def _fits(days: int, longest: timedelta | None) -> bool:
    return longest is None or timedelta(days=days) <= longest


def _last_day(longest: timedelta) -> date:
    return (timezone.now() + longest).date()


def _end_of(day: date, longest: timedelta | None) -> datetime:
    end = datetime.combine(day, END_OF_DAY)
    if longest is None or day != _last_day(longest):
        return end
    return min(end, timezone.now() + longest)
