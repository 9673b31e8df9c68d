"""Leases: take, renew and give back the right to do a task."""

from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import Lease


def take(name: str, holder: str, lifetime: timedelta, now: datetime) -> bool:
    """Take a free lease, or renew one's own. Return True for exactly one holder at a time.

    The clocks of several machines have to agree to within a few seconds.
    """
    lease = Lease.objects.filter(name=name)
    if lease.exclude(holder=holder).filter(expires_at__gt=now).exists():
        return False  # by reading alone: those who wait write nothing
    free = lease.filter(Q(holder=holder) | Q(expires_at__lte=now))
    if free.update(holder=holder, expires_at=now + lifetime):
        return True
    values = {"holder": holder, "expires_at": now + lifetime}
    _, is_made = Lease.objects.get_or_create(name=name, defaults=values)
    return is_made


def give_back(name: str, holder: str) -> None:
    """Release the lease, so that another process can take it at once."""
    Lease.objects.filter(name=name, holder=holder).delete()
