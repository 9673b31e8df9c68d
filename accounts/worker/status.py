"""Status: whether a worker is alive, as its lease in the database tells."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from accounts.models import Lease
from accounts.worker import leases
from accounts.worker.worker import LEASE, LEASE_LIFETIME

GONE_AFTER = timedelta(minutes=1)  # without a renewal


class Status(NamedTuple):
    """When the lease was renewed last, as far as is known, and whether that is too long ago."""

    renewed_at: datetime | None  # None: that is not known, or no worker ever ran
    is_gone: bool


def look() -> Status:
    """Read the lease."""
    lease = Lease.objects.filter(name=LEASE).first()
    if lease is None:
        return Status(None, is_gone=True)
    is_free = lease.holder == leases.FREE
    renewed_at = lease.expires_at - (timedelta() if is_free else LEASE_LIFETIME)
    return Status(renewed_at, is_gone=timezone.now() - renewed_at >= GONE_AFTER)
