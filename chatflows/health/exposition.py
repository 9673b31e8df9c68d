"""Exposition: the metrics as Prometheus reads them. For a thread: it reads files."""

from collections.abc import Iterator, Sequence

from django.conf import settings
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from accounts.health.queues import Queues
from chatflows.calls.totals import BOUNDS, Latencies, Totals
from chatflows.health import snapshots
from chatflows.health.snapshots import Snapshot

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4.encode()


def text(mine: Snapshot, queues: Queues | None) -> bytes:
    """Return the metrics of all processes of this server; `queues` is None without a database."""
    registry = CollectorRegistry()
    registry.register(_Once([*_families(mine, queues)]))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def _families(mine: Snapshot, queues: Queues | None) -> Iterator[Metric]:
    counted, alive = Totals(), [mine]
    counted.merge(mine.totals)
    for other, is_alive in snapshots.others():
        counted.merge(other.totals)
        if is_alive:
            alive.append(other)
    yield from _of_calls(counted)
    yield from _of_processes(alive)
    yield from _of_queues(queues)
    info = GaugeMetricFamily("flowlatch_info", "The version that runs.", labels=["version"])
    info.add_metric([settings.VERSION], 1)
    yield info


def _of_calls(counted: Totals) -> Iterator[Metric]:
    labels = ["status", "code"]
    for name, about, kinds in (
        ("flowlatch_calls_let_in", "Calls that were let in, as they ended.", counted.let_in),
        ("flowlatch_calls_refused", "Calls that were refused.", counted.refused),
    ):
        family = CounterMetricFamily(name, about, labels=labels)
        for kind, times in sorted(kinds.items()):
            family.add_metric(kind, times)
        yield family
    first, last = "to the first byte of its answer.", "to the last byte of its answer."
    yield _histogram("flowlatch_first_byte_seconds", first, counted.first_byte)
    yield _histogram("flowlatch_last_byte_seconds", last, counted.last_byte)
    lost = "Records of calls that were never written."
    yield CounterMetricFamily("flowlatch_records_lost", lost, value=counted.lost)


def _histogram(name: str, about: str, latencies: Latencies) -> Metric:
    buckets, so_far = [], 0
    for bound, count in zip([*map(str, map(float, BOUNDS)), "+Inf"], latencies.counts, strict=True):
        so_far += count
        buckets.append((bound, so_far))
    about = f"From a call that was let in {about}"
    return HistogramMetricFamily(name, about, buckets=buckets, sum_value=latencies.seconds)


def _of_processes(alive: Sequence[Snapshot]) -> Iterator[Metric]:
    for name, about, value in (
        ("flowlatch_processes", "Processes that serve.", len(alive)),
        (
            "flowlatch_running_answers",
            "Answers of upstreams that run.",
            sum(each.running_answers for each in alive),
        ),
        (
            "flowlatch_records_waiting",
            "Records of calls that are not written yet.",
            sum(each.waiting_records for each in alive),
        ),
        (
            "process_resident_memory_bytes",
            "Resident memory of all processes that serve.",
            sum(each.memory_bytes for each in alive),
        ),
        (
            "process_start_time_seconds",
            "When the youngest of these processes started.",
            max(each.began_at for each in alive),
        ),
    ):
        yield GaugeMetricFamily(name, about, value=value)


def _of_queues(queues: Queues | None) -> Iterator[Metric]:
    is_read = "Whether the database told what waits in it."
    yield GaugeMetricFamily("flowlatch_database_up", is_read, value=queues is not None)
    if queues is None:
        return
    mails = GaugeMetricFamily("flowlatch_mails", "Mails by state.", labels=["state"])
    mails.add_metric(["waiting"], queues.mails_waiting)
    mails.add_metric(["failed"], queues.mails_failed)
    yield mails
    oldest = "How long the oldest mail has waited; 0 if none does."
    age = queues.oldest_mail_age or 0
    yield GaugeMetricFamily("flowlatch_oldest_mail_age_seconds", oldest, value=age)
    if queues.worker_age is not None:
        about = "Since the worker's last round."
        yield GaugeMetricFamily("flowlatch_worker_age_seconds", about, value=queues.worker_age)
