"""Operations endpoints: liveness, readiness and metrics; and the counting of every call.

A stranger learns what a probe needs: whether the desk is ready, and why not. Details are for who sends the
monitoring token or an administrator's API token, and for an administrator who is logged in.
"""

import time
from secrets import compare_digest
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, jsonify, request
from flask_login import current_user
from pydantic import TypeAdapter

from web.environment import Environment
from web.errors import Problem
from web.metrics import CONTENT_TYPE, count_call, metrics_text, ready_text
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.operations.deployment import is_database_failure
from workflows.operations.disk_space import DiskSpace
from workflows.operations.health import CachedCounts, Health, JobHealth, read_health
from workflows.operations.time_zone_data import time_zone_data
from workflows.users.authentication import NotAuthenticated, authenticate_token

JOBS: TypeAdapter[list[JobHealth]] = TypeAdapter(list[JobHealth])

log = structlog.get_logger("coverdesk.web")


def register_operations(app: Flask) -> None:
    """Serve /healthz, /readyz and /metrics, and count every call."""
    app.extensions["coverdesk_counts"] = CachedCounts()
    app.extensions["coverdesk_disk_space"] = DiskSpace()
    app.before_request(_start)
    app.after_request(_count)
    app.add_url_rule("/healthz", view_func=healthz, endpoint="operations.healthz")
    app.add_url_rule("/readyz", view_func=readyz, endpoint="operations.readyz")
    app.add_url_rule("/metrics", view_func=metrics, endpoint="operations.metrics")


def healthz() -> dict[str, str]:
    """Liveness: the process responds."""
    return {"status": "ok"}


def readyz() -> Response:
    """Readiness: the database responds and can grow, and a rule set is in force.

    The details list when each job last ran, and the version of the time zone data.
    """
    health, lack = _health(), None
    if health.database:
        lack = _disk_problem()
        if lack is None and not health.ready:
            lack = "No rule set is in force." if health.rule_set is None else "The rules cannot be read."
    else:
        lack = "The database cannot be reached."
    details = _details(health) if _may_see_details() else {}
    if lack is None:
        return jsonify({"status": "ready", **details})
    return Problem(503, "not-ready", lack, values=details).response()


def metrics() -> Response:
    """Metrics in the Prometheus text format; a stranger gets `coverdesk_ready` alone."""
    if _may_see_details():
        found = metrics_text(_health(current_app.extensions["coverdesk_counts"]))
    else:
        found = ready_text(_health())
    return Response(found, content_type=CONTENT_TYPE)


def _details(health: Health) -> dict[str, Any]:
    zones = time_zone_data()
    return {
        "database": health.database,
        "rule_set": health.rule_set,
        "jobs": JOBS.dump_python(health.jobs, mode="json"),
        "time_zone_data": {"version": zones.version, "source": zones.source},
    }


def _health(counts: CachedCounts | None = None) -> Health:
    try:
        return read_health(_desk(), counts=counts)
    except Exception as error:
        if not is_database_failure(error):
            raise
        log.warning("the database cannot be reached", error=str(error).partition("\n")[0])
        return Health(ready=False, database=False, rule_set=None)


def _disk_problem() -> str | None:
    space: DiskSpace = current_app.extensions["coverdesk_disk_space"]
    try:
        problem = space.problem(_desk())
    except Exception as error:
        if not is_database_failure(error):
            raise
        problem = "The database cannot be reached."
    if problem is not None:
        log.error("the desk is not ready", problem=problem)
    return problem


def _may_see_details() -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() == "bearer":
            return _is_monitoring_token(token.strip()) or _is_administrator(
                authenticate_token(_desk(), token.strip())
            )
        return bool(current_user.is_authenticated) and _is_administrator(current_user.actor)
    except NotAuthenticated:
        return False
    except Exception as error:
        if not is_database_failure(error):
            raise
        return False


def _is_monitoring_token(token: str) -> bool:
    environment: Environment = current_app.extensions["coverdesk.environment"]
    expected = environment.monitoring_token
    return expected is not None and compare_digest(token.encode(), expected.encode())


def _is_administrator(actor: Actor) -> bool:
    return actor.role == "administrator"


def _desk() -> Desk:
    desk: Desk = current_app.extensions["coverdesk"]
    return desk


def _start() -> None:
    g.started = time.perf_counter()


def _count(response: Response) -> Response:
    started = g.get("started")
    if started is not None:
        rule = request.url_rule.rule if request.url_rule is not None else "(none)"
        count_call(request.method, rule, response.status_code, time.perf_counter() - started)
    return response
