"""Leases: take, renew and give back the right to do a task."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import Lease

FREE = ""  # the holder of a lease that was given back


def take(name: str, holder: str, lifetime: timedelta, now: datetime) -> bool:
    """Take a free lease, or renew one's own. Return True for exactly one holder at a time.

    The clocks of several machines have to agree to within a few seconds. A lease that would last
    longer than twice a lifetime is from before the clock ran back, and it is free.
    """
    lease = Lease.objects.filter(name=name)
    is_held = Q(expires_at__gt=now, expires_at__lte=now + 2 * lifetime) & ~Q(holder=FREE)
    if lease.exclude(holder=holder).filter(is_held).exists():
        return False  # by reading alone: those who wait write nothing
    free = lease.filter(Q(holder=holder) | ~is_held)
    if free.update(holder=holder, expires_at=now + lifetime):
        return True
    values = {"holder": holder, "expires_at": now + lifetime}
    _, is_made = Lease.objects.get_or_create(name=name, defaults=values)
    return is_made


def give_back(name: str, holder: str, *, is_noted: bool = False) -> None:
    """Release the lease, so that another process can take it at once.

    With `is_noted` its row stays and says since when nobody holds it.
    """
    mine = Lease.objects.filter(name=name, holder=holder)
    if is_noted:
        mine.update(holder=FREE, expires_at=timezone.now())
    else:
        mine.delete()
