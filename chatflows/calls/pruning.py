"""Pruning: delete counters that no page shows and no limit asks for. The worker calls it."""

from datetime import timedelta
from threading import Event

from django.db.models import QuerySet
from django.db.models.functions import Length
from django.utils import timezone

from accounts.worker import cleanup
from chatflows.calls.usage import day_of, month_of
from chatflows.models import OriginDay, PeriodCount, UsageHour

KEEP_HOURS = timedelta(days=400)
KEEP_ORIGINS = timedelta(days=40)
KEEP_DAYS = timedelta(days=40)
KEEP_MONTHS = timedelta(days=14 * 31)


def delete_old(stopping: Event) -> None:
    """Delete old hours, origins and periods, a few rows at a time."""
    now = timezone.now()
    cleanup.delete_rows(UsageHour.objects.filter(hour__lt=now - KEEP_HOURS), stopping)
    cleanup.delete_rows(OriginDay.objects.filter(day__lt=now.date() - KEEP_ORIGINS), stopping)
    cleanup.delete_rows(_periods_before(day_of(now - KEEP_DAYS)), stopping)
    cleanup.delete_rows(_periods_before(month_of(now - KEEP_MONTHS)), stopping)


def _periods_before(oldest_kept: str) -> QuerySet[PeriodCount]:
    # Days and months stand in one column: only names of one length can be compared.
    periods = PeriodCount.objects.annotate(length=Length("period"))
    return periods.filter(length=len(oldest_kept), period__lt=oldest_kept)
