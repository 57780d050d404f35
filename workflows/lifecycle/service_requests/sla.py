"""The service level clock of a service request, in its row: targets from the contract's level and calendar.

The clock counts while a contract with a service level covers the request and it is being worked on; it stops
on hold, while the request waits for a contract, and from the resolution to a reopening. `engine.sla_clock`
has the rules. The row has the clock's instants; what has counted before `sla_clock_at` is in the table
`sla_counted_time`. `paused_at` is set in every state in which the clock is stopped, with or without a level.
Source: product.md section 9.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, select

from engine.contracts import Contract
from engine.quantities import Period
from engine.rulebook import RuleSet
from engine.sla import Sla, SlaCalendars
from engine.sla_alerts import SLA_TARGETS, first_alert_at, next_alert_at
from engine.sla_clock import (
    SlaClock,
    SlaTerms,
    change_terms,
    first_due_instants,
    reopen,
    resolve,
    respond,
    run_clock,
    stop_clock,
)
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.sla_alerts import record_alerts
from workflows.operations.time_zone_data import calendar_data
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared


class ServiceLevels(NamedTuple):
    """The service levels of a rule set, by id, and the calendars that they count in."""

    slas: Mapping[str, Sla]
    calendars: SlaCalendars

    def terms(self, sla: str | None, priority: str) -> SlaTerms | None:
        """The terms of a level for a priority; None without a level, or for one that does not exist."""
        level = self.slas.get(sla) if sla is not None else None
        if level is None:
            return None
        return SlaTerms(level.targets[priority], self.calendars.of(level), level.warning)


def service_levels(rules: RuleSet | None, settings: Settings) -> ServiceLevels:
    """The service levels of a rule set with the hours and the time zone of settings; none without rules."""
    named = rules.calendars if rules is not None else {}
    return ServiceLevels(
        rules.slas if rules is not None else {}, SlaCalendars(settings.business_hours, named)
    )


def levels_in_force(tx: Transaction) -> ServiceLevels:
    """The service levels of the rules in force; none where no rules are in force."""
    return service_levels(tx.config.rule_set, tx.settings)


# ------------------------------------------------------------------ events


def logged_columns(
    tx: Transaction, contract: Contract | None, priority: str, *, waits: bool
) -> dict[str, Any]:
    """The SLA columns of a new service request; the others are None. Raises: WorkTimeNotReached."""
    if waits:
        return {"paused_at": tx.now}
    terms = levels_in_force(tx).terms(contract.sla, priority) if contract is not None else None
    if contract is None or terms is None:
        return {}
    response_due_at, resolution_due_at = first_due_instants(terms, tx.now)
    return {
        "sla": contract.sla,
        "sla_clock_at": tx.now,
        "response_due_at": response_due_at,
        "resolution_due_at": resolution_due_at,
        "response_due_data": calendar_data(),
        "resolution_due_data": calendar_data(),
        "sla_alert_at": first_alert_at(terms, tx.now, response_due_at),
    }


def level_columns(tx: Transaction, request: Row[Any], sla: str | None) -> dict[str, Any]:
    """The changed columns after a change of service level or priority; `request` has the new priority.

    Raises: WorkTimeNotReached.
    """
    sla, terms = _level(levels_in_force(tx), sla, request.priority)
    return {"sla": sla, **_after(tx, request, lambda clock: change_terms(clock, terms, tx.now), terms=terms)}


def responded_columns(tx: Transaction, request: Row[Any]) -> dict[str, Any]:
    """The changed columns after a response; only the first counts."""
    return _after(tx, request, lambda clock: respond(clock, tx.now))


def stopped_columns(tx: Transaction, request: Row[Any]) -> dict[str, Any]:
    """The changed columns after a hold or a cancellation.

    Nothing has to be counted, or read, for it, unless an alert was due before.
    """
    if request.paused_at is not None:
        return {}
    if request.sla_alert_at is None:
        return {"paused_at": tx.now}
    if request.sla_alert_at > tx.now:
        return {"paused_at": tx.now, "sla_alert_at": None}
    return _after(tx, request, lambda clock: stop_clock(clock, tx.now))


def running_columns(tx: Transaction, request: Row[Any]) -> dict[str, Any]:
    """The changed columns after a stop ends."""
    return _after(tx, request, lambda clock: run_clock(clock, tx.now))


def started_columns(tx: Transaction, request: Row[Any]) -> dict[str, Any]:
    """The changed columns after work starts, or starts again: that is a response."""
    return _after(tx, request, lambda clock: respond(run_clock(clock, tx.now), tx.now))


def resolved_columns(tx: Transaction, request: Row[Any]) -> dict[str, Any]:
    """The changed columns after the resolution."""
    return _after(tx, request, lambda clock: resolve(clock, tx.now))


def reopened_columns(tx: Transaction, request: Row[Any], *, waits: bool) -> dict[str, Any]:
    """The changed columns after a reopening."""
    return _after(tx, request, lambda clock: reopen(clock, tx.now, waits=waits))


# ------------------------------------------------------------------ the clock in its row


def clock_of(request: Row[Any], terms: SlaTerms | None, counted: tuple[Period, ...] = ()) -> SlaClock:
    """The clock of a request's row."""
    return SlaClock(
        terms=terms,
        counted=counted,
        counts_from=request.sla_clock_at if terms is not None else None,
        stopped_at=request.paused_at,
        responded_at=request.responded_at,
        resolved_at=request.resolved_at,
        response_due_at=request.response_due_at,
        resolution_due_at=request.resolution_due_at,
    )


def changed_columns(tx: Transaction, request: Row[Any], before: SlaClock, after: SlaClock) -> dict[str, Any]:
    """The columns in which two clocks of a request differ.

    What has counted in between, and the alerts that are due, are stored. Raises: WorkTimeNotReached.
    """
    record_alerts(tx, request, before, after)
    new = after.counted[len(before.counted) :]
    rows = [
        {"service_request_id": request.id, "began_at": period.start, "ended_at": period.end} for period in new
    ]
    tx.add_all(t.sla_counted_time, rows)
    columns: dict[str, Any] = {**_columns(after), "sla_alert_at": next_alert_at(after, tx.now)}
    for target in SLA_TARGETS:
        # A target that did not move stays the one that the data of its time gave.
        due_at = columns[f"{target}_due_at"]
        if due_at != getattr(before, f"{target}_due_at"):
            columns[f"{target}_due_data"] = calendar_data() if due_at is not None else None
    return {name: value for name, value in columns.items() if value != getattr(request, name)}


def alert_if_due(tx: Transaction, request: Row[Any]) -> bool:
    """Record the alerts of a locked row that are due at the transaction's instant; returns whether any was.

    Raises: WorkTimeNotReached.
    """
    if request.sla_alert_at is None or request.sla_alert_at > tx.now:
        return False
    changes = _after(tx, request, lambda clock: clock)
    tx.change(t.service_request, request.id, **changes)
    return True


def _after(
    tx: Transaction,
    request: Row[Any],
    event: Callable[[SlaClock], SlaClock],
    *,
    terms: SlaTerms | None = None,
) -> dict[str, Any]:
    """The changed columns of a locked row after an event; `terms` are those that the event brings."""
    current = levels_in_force(tx).terms(request.sla, request.priority)
    counted = counted_time(tx, request.id) if current is not None or terms is not None else ()
    before = clock_of(request, current, counted)
    return changed_columns(tx, request, before, event(before))


def _level(levels: ServiceLevels, sla: str | None, priority: str) -> tuple[str | None, SlaTerms | None]:
    terms = levels.terms(sla, priority)
    return (sla if terms is not None else None), terms


def _columns(clock: SlaClock) -> dict[str, datetime | None]:
    return {
        "sla_clock_at": clock.counts_from,
        "paused_at": clock.stopped_at,
        "responded_at": clock.responded_at,
        "resolved_at": clock.resolved_at,
        "response_due_at": clock.response_due_at,
        "resolution_due_at": clock.resolution_due_at,
    }


def counted_time(tx: Transaction, request_id: str) -> tuple[Period, ...]:
    """The open time that a request's clock counted before `sla_clock_at`, in order."""
    rows = _COUNTED.all(tx.connection, {"request": request_id})
    return tuple(Period(row.began_at, row.ended_at) for row in rows)


_COUNTED = Prepared(
    select(t.sla_counted_time.c.began_at, t.sla_counted_time.c.ended_at)
    .where(t.sla_counted_time.c.service_request_id == bindparam("request", type_=Id, required=True))
    .order_by(t.sla_counted_time.c.began_at)
)
