"""Prometheus metrics: HTTP calls by route and status with their duration, and the state of the desk.

With several server processes, each writes its counters to files in PROMETHEUS_MULTIPROC_DIR, which `serve`
sets before this module is imported. The process that serves /metrics adds them up.
"""

import os
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from workflows.operations.health import Health

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

CALLS = Counter("coverdesk_http_requests", "Calls answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "coverdesk_http_request_seconds",
    "Time to answer a call.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

REFUSED_RULES = Counter(
    "coverdesk_rule_sets_refused", "Rule sets refused when they were published or approved.", ["interface"]
)


def count_refused_rules(interface: str) -> None:
    """Count a refused rule set. Watched folders are not counted here but in `rules_folder_errors`."""
    REFUSED_RULES.labels(interface).inc()


def count_call(method: str, route: str, status: int, seconds: float) -> None:
    """Count one call. `route` is the URL pattern, not the path: each id would create a new time series."""
    CALLS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)


def metrics_text(health: Health) -> bytes:
    """Return all metrics in the Prometheus text format."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    else:
        registry.register(CALLS)
        registry.register(SECONDS)
        registry.register(REFUSED_RULES)
    return generate_latest(registry) + generate_latest(_desk_registry(health))


def ready_text(health: Health) -> bytes:
    """Return `coverdesk_ready` alone, in the Prometheus text format."""
    registry = CollectorRegistry()
    registry.register(_ReadyCollector(health))
    return generate_latest(registry)


def _desk_registry(health: Health) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_DatabaseCollector(health))
    return registry


class _ReadyCollector(Collector):
    """Whether the desk is ready."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Yield the metric."""
        yield _gauge("ready", "1 when the database answers and a rule set is in force.", self._health.ready)


class _DatabaseCollector(_ReadyCollector):
    """Metrics read from the database: the same in every process, so neither written to files nor summed."""

    def collect(self) -> Iterator[Metric]:
        """Yield each metric family."""
        health = self._health
        in_force = {health.rule_set: 1} if health.rule_set is not None else {}
        ran = {job.job: job.last_run_at.timestamp() for job in health.jobs if job.last_run_at}
        failed = {job.job: job.failed_at.timestamp() for job in health.jobs if job.failed_at}
        yield from super().collect()
        yield _gauges("rule_set_in_force", "1 for the rule set in force.", "version", in_force)
        yield _gauges("job_last_run_timestamp_seconds", "When a job last ran.", "job", ran)
        yield _gauges("job_last_failure_timestamp_seconds", "When a job last failed.", "job", failed)
        yield _gauges("service_requests", "Service requests by state.", "state", health.service_requests)
        yield _gauges("contracts", "Contracts by stored state.", "state", health.contracts)
        yield _gauge("outbox_waiting", "Messages waiting for delivery.", health.outbox_waiting)
        errors = _family(
            "rules_folder_errors", "Errors that prevent a rules folder from being published.", "host", "path"
        )
        for one in health.rules_folders:
            errors.add_metric([one.host, one.path], one.errors)
        yield errors


def _gauge(name: str, description: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"coverdesk_{name}", description, value=value)


def _gauges(name: str, description: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = _family(name, description, label)
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _family(name: str, description: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"coverdesk_{name}", description, labels=labels)
