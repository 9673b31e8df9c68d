"""Where rates are counted: with LIMITS_URL by all processes together, without it by each alone."""

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from asgiref.sync import async_to_sync
from django.conf import settings

from accounts.limits.rates import Admission, Limits, ProcessRates

if TYPE_CHECKING:
    from accounts.limits.shared_limits import SharedLimits


class Ask(NamedTuple):
    """One limit of a call: under which name, and how many calls or streams it takes."""

    name: str
    most: int
    seconds: int = 60
    is_streams: bool = False


class Reply(NamedTuple):
    """Whether the store counted a call; for each limit what counted before, and when some leave."""

    is_admitted: bool
    totals: tuple[int, ...]
    waits: tuple[int, ...]  # seconds
    second: int  # by the store's clock, in which it was counted


process = ProcessRates()


@cache
def shared() -> "SharedLimits | None":
    """Return the counts of all processes together, or None without LIMITS_URL."""
    if not settings.LIMITS_URL:
        return None
    # The package behind it takes memory that nobody should pay who does not use it.
    from accounts.limits.shared_limits import SharedLimits  # noqa: PLC0415

    return SharedLimits(settings.LIMITS_URL, process, settings.WEB_CONCURRENCY)


def admit(limits: Limits) -> Admission:
    """Count a call of a page, which is in a thread. The gate asks `process` or `shared` itself."""
    together = shared()
    return process.admit(limits) if together is None else async_to_sync(together.admit)(limits)
