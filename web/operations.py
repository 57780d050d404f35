"""Operations endpoints: liveness, readiness and metrics; and the counting of every call."""

import time
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, jsonify, request
from pydantic import TypeAdapter

from web.errors import Problem
from web.metrics import CONTENT_TYPE, count_call, metrics_text
from workflows.core.desk import Desk
from workflows.operations.deployment import database_fails
from workflows.operations.health import CachedCounts, Health, JobHealth, read_health

JOBS: TypeAdapter[list[JobHealth]] = TypeAdapter(list[JobHealth])

log = structlog.get_logger("coverdesk.web")


def register_operations(app: Flask) -> None:
    """Serve /healthz, /readyz and /metrics, and count every call."""
    app.extensions["coverdesk_counts"] = CachedCounts()
    app.before_request(_start)
    app.after_request(_count)
    app.add_url_rule("/healthz", view_func=healthz, endpoint="operations.healthz")
    app.add_url_rule("/readyz", view_func=readyz, endpoint="operations.readyz")
    app.add_url_rule("/metrics", view_func=metrics, endpoint="operations.metrics")


def healthz() -> dict[str, str]:
    """Liveness: the process responds."""
    return {"status": "ok"}


def readyz() -> Response:
    """Readiness: the database responds and a rule set is in force. Lists when each job last ran."""
    health = _health()
    jobs = JOBS.dump_python(health.jobs, mode="json")
    details: dict[str, Any] = {"database": health.database, "rule_set": health.rule_set, "jobs": jobs}
    if health.ready:
        return jsonify({"status": "ready", **details})
    missing = "The database cannot be reached."
    if health.database:
        missing = "No rule set is in force." if health.rule_set is None else "The rules cannot be read."
    return Problem(503, "not-ready", missing, values=details).response()


def metrics() -> Response:
    """Metrics in the Prometheus text format."""
    return Response(
        metrics_text(_health(current_app.extensions["coverdesk_counts"])), content_type=CONTENT_TYPE
    )


def _health(counts: CachedCounts | None = None) -> Health:
    desk: Desk = current_app.extensions["coverdesk"]
    try:
        return read_health(desk, counts=counts)
    except Exception as error:
        if not database_fails(error):
            raise
        log.warning("the database cannot be reached", error=str(error).partition("\n")[0])
        return Health(ready=False, database=False, rule_set=None)


def _start() -> None:
    g.started = time.perf_counter()


def _count(response: Response) -> Response:
    started = g.get("started")
    if started is not None:
        rule = request.url_rule.rule if request.url_rule is not None else "(none)"
        count_call(request.method, rule, response.status_code, time.perf_counter() - started)
    return response
