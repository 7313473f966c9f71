"""Every metric of the hub in one table, and the counter the use cases are given.

Labels come from closed sets (routes, banks, portals, outcomes), never ids or personal data. Gauges, and sums that only
grow, are read from the database when somebody asks (`Gauge` rows), so that any process shows the same. What is kept
here stands in a rule of deploy/prometheus or on a dashboard of deploy/grafana: a test compares.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "seconds", "gauge", "sum"]  # a sum is a counter the database keeps
Samples = Iterable[tuple[str, Mapping[str, str], float]]

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.3, 0.5, 1, 2, 5, 10, 30)
_DELAYS: Final = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400, 259_200)


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric: what kind, by which labels, what it means."""

    kind: Kind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = _SECONDS


METRICS: Final[Mapping[str, Declared]] = {
    "paygw_http_requests_total": Declared("counter", ("route", "method", "status"), "Requests answered."),
    "paygw_http_request_seconds": Declared("seconds", ("route", "method", "status"), "Time to answer."),
    "paygw_orders_total": Declared("counter", ("portal", "status"), "Orders that reached a status."),
    "paygw_attempts_total": Declared("counter", ("bank", "status"), "Attempts that reached a status."),
    "paygw_ledger_vnd_total": Declared("sum", ("bank", "rule"), "Đồng moved by each row of the money rules, ever."),
    "paygw_bank_requests_total": Declared("counter", ("bank", "operation", "outcome"), "Dialogues with a bank."),
    "paygw_bank_request_seconds": Declared("seconds", ("bank", "operation", "outcome"), "Time of a dialogue."),
    "paygw_bank_circuit_open": Declared("gauge", ("bank",), "1 while the breaker of a bank is open."),
    "paygw_webhooks_received_total": Declared("counter", ("bank", "outcome"), "Webhooks by what became of them."),
    "paygw_returns_total": Declared("counter", ("bank", "outcome"), "Signed returns of browsers: verified, forged."),
    "paygw_files_total": Declared("counter", ("bank", "outcome"), "Files read, by what became of them."),
    "paygw_file_pickups_total": Declared("counter", ("source", "outcome"), "Looks at a drop folder or SFTP server."),
    "paygw_webhook_ack_seconds": Declared("seconds", ("bank",), "Time until a bank had its acknowledgement."),
    "paygw_callback_attempts_total": Declared("counter", ("portal", "outcome"), "Callback attempts."),
    "paygw_callback_delay_seconds": Declared("seconds", ("portal",), "From paid to accepted by the portal.", _DELAYS),
    "paygw_outbox_pending": Declared("gauge", ("portal",), "Callbacks not yet accepted."),
    "paygw_outbox_oldest_seconds": Declared("gauge", ("portal",), "Age of the oldest callback not yet accepted."),
    "paygw_outbox_dead": Declared("gauge", ("portal",), "Dead letters."),
    "paygw_attempts_unknown": Declared("gauge", ("bank",), "Attempts whose last contact failed."),
    "paygw_unknown_oldest_seconds": Declared("gauge", ("bank",), "Age of the oldest of them."),
    "paygw_unapplied_open": Declared("gauge", ("bank", "reason"), "Receipts with unapplied money."),
    "paygw_unapplied_vnd": Declared("gauge", ("bank", "reason"), "Unapplied money, in đồng."),
    "paygw_unapplied_oldest_days": Declared("gauge", ("bank",), "Working days the oldest unapplied money waits."),
    "paygw_ledger_imbalance_vnd": Declared("gauge", (), "Debits less credits of the whole ledger; not 0 is an alarm."),
    "paygw_clearing_difference_vnd": Declared("gauge", ("bank",), "Clearing less the records; not 0 is an alarm."),
    "paygw_recon_breaks": Declared("gauge", ("bank", "kind", "age"), "Open breaks by age in days."),
    "paygw_recon_breaks_overdue": Declared("gauge", ("bank", "kind"), "Open breaks past their clock."),
    "paygw_recon_risk_vnd": Declared("gauge", ("bank", "kind"), "Value at risk of open breaks, in đồng."),
    "paygw_recon_undone": Declared("gauge", ("bank",), "Breaks that automation closed and that came back."),
    "paygw_recon_first_pass_ratio": Declared("gauge", ("bank",), "Lines of the last night matched at once."),
    "paygw_recon_late_files": Declared("gauge", ("bank",), "Nights that wait for a file."),
    "paygw_night_overdue_seconds": Declared("gauge", ("bank",), "Since the oldest night not done was due."),
    "paygw_remittance_vnd": Declared("gauge", ("state",), "Owners' money: waiting, overdue, no_term."),
    "paygw_measure_age_seconds": Declared("gauge", ("measure",), "Since a slow measure was last taken."),
    "paygw_position_vnd": Declared("gauge", ("class",), "Totals of U, RP, RB, DUE, CLAIM, UBD, CH, DT and PRET."),
    "paygw_position_oldest_seconds": Declared("gauge", ("class",), "Age of the oldest unapplied money and refund."),
    "paygw_recon_last_success_timestamp": Declared("gauge", ("bank",), "When reconciliation last succeeded."),
    "paygw_idempotency_total": Declared("counter", ("outcome",), "Keyed requests: new, replay, in_progress, mismatch."),
    "paygw_auth_failures_total": Declared("counter", ("kind",), "Callers refused."),
    "paygw_rate_limited_total": Declared("counter", ("kind",), "Requests refused for being too many."),
    "paygw_audit_head_sequence": Declared("gauge", (), "Last sealed row of the audit trail."),
    "paygw_audit_verify_ok": Declared("gauge", (), "1 if the last verification of the chains succeeded."),
    "paygw_job_failures_total": Declared("counter", ("task",), "Runs of a job that failed."),
    "paygw_worker_heartbeat_age_seconds": Declared("gauge", (), "Since the last word of the most recent worker."),
    "paygw_restore_held_seconds": Declared("gauge", (), "Since a restore that was not released yet; 0 without one."),
    "paygw_not_ready": Declared("gauge", ("reason",), "1 for each reason this process is not ready by."),
    "paygw_clock_offset_seconds": Declared("gauge", (), "This process's clock less the database's."),
    "paygw_disk_free_ratio": Declared("gauge", (), "Free share of the disk under PAYGW_VAR."),
    "paygw_db_pool_in_use": Declared("gauge", (), "Database connections in use in this process."),
    "paygw_db_pool_size": Declared("gauge", (), "Most database connections of this process."),
    "paygw_db_retries_total": Declared("counter", ("reason",), "Transactions tried again."),
    "paygw_build_info": Declared("gauge", ("version",), "1, by version."),
}

# prometheus_client would add a second series with the time each counter was made.
disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped in prometheus_client


class Metrics:
    """Counts for one process; satisfies `hub.Observer`."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters = {name: _counter(name, self._registry) for name in _names("counter")}
        self._times = {name: _histogram(name, self._registry) for name in _names("seconds")}
        # Finding the series of some labels costs more than counting: each is found once.
        self._counts: dict[tuple[str, ...], Callable[[float], None]] = {}
        self._durations: dict[tuple[str, ...], Callable[[float], None]] = {}

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter of the table; an unknown name or label raises."""
        key = (name, *labels, *labels.values())
        add = self._counts.get(key)
        if add is None:
            counter = self._counters[name]
            add = self._counts[key] = (counter.labels(**labels) if labels else counter).inc
        add(by)

    def took(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration in a histogram of the table; an unknown name or label raises."""
        key = (name, *labels, *labels.values())
        add = self._durations.get(key)
        if add is None:
            histogram = self._times[name]
            add = self._durations[key] = (histogram.labels(**labels) if labels else histogram).observe
        add(seconds)

    def text(self, gauges: Samples = ()) -> bytes:
        """Everything in Prometheus' text format: own counters, and the gauges given."""
        asked = CollectorRegistry()
        asked.register(_Gauges(tuple(gauges)))
        return generate_latest(self._registry) + generate_latest(asked)


class _Gauges(Collector):
    """Values read a moment ago, by the table's names."""

    def __init__(self, samples: tuple[tuple[str, Mapping[str, str], float], ...]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for name, labels, value in self._samples:
            declared = METRICS[name]
            if name not in families:
                family = CounterMetricFamily if declared.kind == "sum" else GaugeMetricFamily
                families[name] = family(name, declared.help, labels=declared.labels)
            families[name].add_metric([labels[label] for label in declared.labels], value)
        yield from families.values()


def _names(kind: Kind) -> list[str]:
    return [name for name, declared in METRICS.items() if declared.kind == kind]


def _counter(name: str, registry: CollectorRegistry) -> Counter:
    declared = METRICS[name]
    return Counter(name, declared.help, declared.labels, registry=registry)


def _histogram(name: str, registry: CollectorRegistry) -> Histogram:
    declared = METRICS[name]
    return Histogram(name, declared.help, declared.labels, buckets=declared.buckets, registry=registry)
