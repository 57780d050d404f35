"""Service levels met and missed: the targets of the service requests opened in each month.

A request counts for its customer, with the level that it has now. Source: product.md section 9.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, literal, or_, select
from sqlalchemy.sql.selectable import Subquery

from engine.sla_clock import TargetState
from workflows.core.actors import OFFICE
from workflows.core.paging import Sort
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.sla_targets import (
    OPEN_STATES,
    sql_resolution_state,
    sql_response_state,
)
from workflows.reports.months import MonthSpan, month_span
from workflows.reports.parties import party_key, require_party
from workflows.reports.report_lists import (
    NO_ID,
    Names,
    ReportList,
    amounts_of,
    key_columns,
    list_sums,
    sums_by_month,
)
from workflows.reports.up_to_date import up_to_date_contracts
from workflows.store import tables as t
from workflows.store.column_types import text_constant
from workflows.views.reports import ServiceLevelsInMonth, ServiceLevelsRow, TargetsOfRequest

BY = {"level": ("level",), "customer": ("party",), "customer_and_month": ("party", "month")}
"""How the rows can be listed, and the columns of each."""
MISSED_OR_MET: tuple[TargetState, ...] = ("met", "missed")
SUMS = (
    "response_met", "response_missed", "response_open",
    "resolution_met", "resolution_missed", "resolution_open",
)  # fmt: skip
r = t.service_request


@dataclass(frozen=True, slots=True)
class ServiceLevelsReport:
    """The report of some months. It can be read while `open_service_levels` is open."""

    tx: Transaction
    span: MonthSpan
    party_name: str | None
    targets: Subquery
    sums: Subquery

    def months(self) -> list[ServiceLevelsInMonth]:
        """The sums of each month, the earliest first; a month without any has zeros."""
        found = sums_by_month(self.tx, self.sums, SUMS, self.span.names)
        return [ServiceLevelsInMonth(**amounts, month=month) for month, amounts in found]

    def list_by(self, by: str) -> ReportList[ServiceLevelsRow]:
        """The rows: one for each level, customer, or customer and month. Raises: InvalidInput."""
        return list_sums(self.tx, self.sums, key_columns(by, BY), SUMS, self._views)

    def requests(self, counted: str | None = None) -> ReportList[TargetsOfRequest]:
        """The service requests themselves; `counted` is one of `SUMS`: those that it counts."""
        targets = self.targets.c
        statement = select(self.targets)
        if counted in SUMS:
            statement = statement.where(targets[counted] == 1)
        return ReportList(
            self.tx, statement, self._requests, {"opened_at": Sort(targets.opened_at)}, targets.id
        )

    def _views(self, rows: Sequence[Row[Any]]) -> list[ServiceLevelsRow]:
        names = Names(self.tx, rows)
        return [
            ServiceLevelsRow(**amounts_of(row, SUMS), **names.keys_of(row), **self._level(row))
            for row in rows
        ]

    def _requests(self, rows: Sequence[Row[Any]]) -> list[TargetsOfRequest]:
        names = Names(self.tx, rows)
        return [
            TargetsOfRequest(
                service_request=row.id,
                number=row.number,
                subject=row.subject,
                opened_at=row.opened_at,
                response=row.response,
                resolution=row.resolution,
                **names.keys_of(row),
                **self._level(row),
            )
            for row in rows
        ]

    def _level(self, row: Row[Any]) -> dict[str, Any]:
        level = getattr(row, "level", NO_ID)
        if level == NO_ID:
            return {"level": None, "level_label": None}
        known = self.tx.config.rule_set
        found = known.slas.get(level) if known is not None else None
        return {"level": level, "level_label": found.label if found is not None else level}


@contextmanager
def open_service_levels(
    tx: Transaction,
    *,
    from_: str | None = None,
    to: str | None = None,
    party: str | None = None,
    level: str | None = None,
) -> Iterator[ServiceLevelsReport]:
    """The report of the requests opened from one month to another (YYYY-MM, inclusive), as of now.

    `party` is one customer, `level` the id of one service level, or "-" for requests that have none any more.
    Raises: NotAllowed for technicians and customers; InvalidInput for a month or `party`.
    """
    tx.require(*OFFICE)
    span = month_span(tx, from_, to)
    name = require_party(tx, party) if party is not None else None
    with up_to_date_contracts(tx) as fresh:
        targets = _targets(fresh, span, party=party, level=level)
        keys = (targets.c.party, targets.c.level, targets.c.month)
        sums = select(*keys, *(func.sum(targets.c[one]).label(one) for one in SUMS)).group_by(*keys)
        yield ServiceLevelsReport(fresh, span, name, targets, sums.subquery("sums"))


def _targets(tx: Transaction, span: MonthSpan, *, party: str | None, level: str | None) -> Subquery:
    """The service requests with a target, and which of the sums each is counted in."""
    states = {"response": sql_response_state(tx.now), "resolution": sql_resolution_state(tx.now)}
    whose = party_key("customer", r.c.customer_id)
    its_level = func.coalesce(r.c.sla, text_constant(NO_ID))
    wanted: list[ColumnElement[bool]] = [
        span.contains(r.c.opened_at),
        or_(r.c.response_due_at.is_not(None), r.c.resolution_due_at.is_not(None)),
        r.c.merged_into_id.is_(None),
    ]
    if party is not None:
        wanted.append(whose == party)
    if level is not None:
        wanted.append(its_level == level)
    return (
        select(
            r.c.id,
            r.c.number,
            r.c.subject,
            r.c.opened_at,
            whose.label("party"),
            its_level.label("level"),
            span.month_of(r.c.opened_at).label("month"),
            *(state.label(target) for target, state in states.items()),
            *(_counts(states[target], which).label(f"{target}_{which}") for target, which in _PARTS),
        )
        .where(*wanted)
        .subquery("targets")
    )


_PARTS = [(target, which) for target in ("response", "resolution") for which in ("met", "missed", "open")]


def _counts(state: ColumnElement[str | None], which: str) -> ColumnElement[int]:
    """SQL: 1 for a target that is met, missed or still open, else 0, also for a cancelled one."""
    still_open = [one for one in OPEN_STATES if one not in MISSED_OR_MET]
    is_it = state.in_([text_constant(one) for one in still_open]) if which == "open" else state == which
    return case((is_it, literal(1)), else_=literal(0))
