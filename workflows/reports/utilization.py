"""Utilization: worked and chargeable minutes by technician and contract, in the month of the work.

The contract is the one that covered the service request at the instant worked, whether or not it paid for
all of the work. Deleted and rejected entries do not count. Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select
from sqlalchemy.sql.selectable import Subquery

from workflows.core.actors import OFFICE
from workflows.core.paging import Sort
from workflows.core.transaction import Transaction
from workflows.reports.months import MonthSpan, month_span
from workflows.reports.parties import in_parts, party_key, require_party
from workflows.reports.report_lists import (
    NO_ID,
    Names,
    ReportList,
    amounts_of,
    key_columns,
    list_sums,
    sums_by_month,
)
from workflows.store import tables as t
from workflows.store.column_types import Id, text_constant
from workflows.views.reports import UtilizationInMonth, UtilizationRow, WorkOfReport

BY = {
    "technician": ("technician_id",),
    "contract": ("contract_id",),
    "customer": ("party",),
    "technician_and_month": ("technician_id", "month"),
}
"""How the rows can be listed, and the columns of each."""
SUMS = ("worked", "chargeable", "not_billable")
e, r = t.work_entry, t.service_request


@dataclass(frozen=True, slots=True)
class UtilizationReport:
    """The report of some months; `party_name` is whom it is filtered by."""

    tx: Transaction
    span: MonthSpan
    party_name: str | None
    work: Subquery

    def months(self) -> list[UtilizationInMonth]:
        """The sums of each month, the earliest first; a month without any has zeros."""
        found = sums_by_month(self.tx, self.work, SUMS, self.span.names)
        return [UtilizationInMonth(**amounts, month=month) for month, amounts in found]

    def list_by(self, by: str) -> ReportList[UtilizationRow]:
        """The rows: one for each technician, contract, customer, or technician and month.

        Raises: InvalidInput.
        """
        return list_sums(self.tx, self.work, key_columns(by, BY), SUMS, self._views)

    def entries(self) -> ReportList[WorkOfReport]:
        """The work entries themselves."""
        work = self.work.c
        orders = {name: Sort(work[name]) for name in ("worked_at", *SUMS)}
        return ReportList(self.tx, select(self.work), self._entries, orders, work.id)

    def _views(self, rows: Sequence[Row[Any]]) -> list[UtilizationRow]:
        names, of = Names(self.tx, rows), _technicians(self.tx, rows)
        return [
            UtilizationRow(**amounts_of(row, SUMS), **names.keys_of(row), **_technician(row, of))
            for row in rows
        ]

    def _entries(self, rows: Sequence[Row[Any]]) -> list[WorkOfReport]:
        names, of = Names(self.tx, rows), _technicians(self.tx, rows)
        numbers = _requests(self.tx, rows)
        return [
            WorkOfReport(
                **amounts_of(row, SUMS),
                **names.keys_of(row),
                **_technician(row, of),
                entry=row.id,
                worked_at=row.worked_at,
                service_request=row.service_request_id,
                service_request_number=numbers[row.service_request_id][0],
                subject=numbers[row.service_request_id][1],
            )
            for row in rows
        ]


def read_utilization(
    tx: Transaction,
    *,
    from_: str | None = None,
    to: str | None = None,
    party: str | None = None,
    technician: str | None = None,
    contract: str | None = None,
) -> UtilizationReport:
    """The report of the months from one to another (YYYY-MM, inclusive).

    `party` is the customer of the service requests, `technician` and `contract` are ids; the contract "-"
    stands for work that no contract covered.
    Raises: NotAllowed for technicians and customers; InvalidInput for a month or `party`.
    """
    tx.require(*OFFICE)
    span = month_span(tx, from_, to)
    name = require_party(tx, party) if party is not None else None
    whose = party_key("customer", r.c.customer_id)
    covered_by = func.coalesce(e.c.charged_by["contract"].as_string(), text_constant(NO_ID), type_=Id)
    wanted: list[ColumnElement[bool]] = [t.COUNTED_WORK, span.contains(e.c.started_at)]
    if party is not None:
        wanted.append(whose == party)
    if technician is not None:
        wanted.append(e.c.technician_id == technician)
    if contract is not None:
        wanted.append(covered_by == contract)
    work = (
        select(
            e.c.id,
            e.c.service_request_id,
            e.c.started_at.label("worked_at"),
            e.c.technician_id,
            whose.label("party"),
            covered_by.label("contract_id"),
            span.month_of(e.c.started_at).label("month"),
            e.c.worked_minutes.label("worked"),
            e.c.chargeable_minutes.label("chargeable"),
            case((e.c.billable, 0), else_=e.c.worked_minutes).label("not_billable"),
        )
        .join(r, r.c.id == e.c.service_request_id)
        .where(*wanted)
        .subquery("work")
    )
    return UtilizationReport(tx, span, name, work)


def _technicians(tx: Transaction, rows: Sequence[Row[Any]]) -> dict[str, str]:
    """The names of the technicians of some rows, by id."""
    user = t.user_account.c
    ids = {one for row in rows if (one := getattr(row, "technician_id", None)) is not None}
    named = select(user.id, user.name).where(user.id.in_(ids))
    return {row.id: row.name for row in tx.connection.execute(named)} if ids else {}


def _technician(row: Row[Any], names: dict[str, str]) -> dict[str, Any]:
    technician = getattr(row, "technician_id", None)
    return {"technician": technician, "technician_name": names.get(technician or "")}


def _requests(tx: Transaction, rows: Sequence[Row[Any]]) -> dict[str, tuple[str, str]]:
    """The number and the subject of the service requests of some entries, by id."""
    found: dict[str, tuple[str, str]] = {}
    for part in in_parts(row.service_request_id for row in rows):
        named = select(r.c.id, r.c.number, r.c.subject).where(r.c.id.in_(part))
        found |= {row.id: (row.number, row.subject) for row in tx.connection.execute(named)}
    return found
