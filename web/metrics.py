"""What Prometheus reads: calls by route and status, and how long they took.

With several server processes each writes its numbers to files in PROMETHEUS_MULTIPROC_DIR, which `serve`
sets before this module is imported; whichever process is asked adds them up.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from workflows.health import Health

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

CALLS = Counter("coverdesk_http_requests", "Calls answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "coverdesk_http_request_seconds",
    "Time to answer a call.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

REFUSED_RULES = Counter(
    "coverdesk_rule_sets_refused", "Rule sets that were to take force and were refused.", ["door"]
)


def count_refused_rules(door: str) -> None:
    """Count a rule set that was refused; those of watched folders are counted by their errors."""
    REFUSED_RULES.labels(door).inc()


def count_call(method: str, route: str, status: int, seconds: float) -> None:
    """Count one call. `route` is the rule, not the address: ids would make a series each."""
    CALLS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)


def metrics_text(health: Health) -> bytes:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    else:
        registry.register(CALLS)
        registry.register(SECONDS)
        registry.register(REFUSED_RULES)
    return generate_latest(registry) + generate_latest(_desk_registry(health))


def _desk_registry(health: Health) -> CollectorRegistry:
    """What the database tells, the same from every process: not summed up over them."""
    registry = CollectorRegistry()

    def gauge(name: str, words: str, labels: list[str]) -> Gauge:
        return Gauge(f"coverdesk_{name}", words, labels, registry=registry)

    ready = gauge("ready", "1 when the database answers and a rule set is in force.", [])
    ready.set(1 if health.ready else 0)
    rules = gauge("rule_set_in_force", "1 for the rule set in force.", ["version"])
    if health.rule_set is not None:
        rules.labels(health.rule_set).set(1)
    ran = gauge("job_last_run_timestamp_seconds", "When a job last ran.", ["job"])
    failed = gauge("job_last_failure_timestamp_seconds", "When a job last failed.", ["job"])
    for job in health.jobs:
        if job.last_run_at is not None:
            ran.labels(job.job).set(job.last_run_at.timestamp())
        if job.failed_at is not None:
            failed.labels(job.job).set(job.failed_at.timestamp())
    requests = gauge("service_requests", "Service requests by state.", ["state"])
    for state, number in health.service_requests.items():
        requests.labels(state).set(number)
    contracts = gauge("contracts", "Contracts by stored state.", ["state"])
    for state, number in health.contracts.items():
        contracts.labels(state).set(number)
    waiting = gauge("outbox_waiting", "Messages that wait for delivery.", [])
    waiting.set(health.outbox_waiting)
    errors = gauge("rules_folder_errors", "Errors that keep a rules folder from force.", ["host", "path"])
    for one in health.rules_folders:
        errors.labels(one.host, one.path).set(one.errors)
    return registry
