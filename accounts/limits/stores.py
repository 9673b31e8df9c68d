"""Where rates are counted: with LIMITS_URL by all processes together, without it by each alone."""

from functools import cache
from typing import TYPE_CHECKING

from asgiref.sync import async_to_sync
from django.conf import settings

from accounts.limits.rates import Admission, Limits, ProcessRates

if TYPE_CHECKING:
    from accounts.limits.shared_rates import SharedRates

process = ProcessRates()


@cache
def shared() -> "SharedRates | None":
    """Return the counts of all processes together, or None without LIMITS_URL."""
    if not settings.LIMITS_URL:
        return None
    # The package behind it takes memory that nobody should pay who does not use it.
    from accounts.limits.shared_rates import SharedRates  # noqa: PLC0415

    return SharedRates(settings.LIMITS_URL, process)


def admit(limits: Limits) -> Admission:
    """Count a call of a page, which is in a thread. The gate asks `process` or `shared` itself."""
    together = shared()
    return process.admit(limits) if together is None else async_to_sync(together.admit)(limits)
