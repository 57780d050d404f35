"""Time that no contract paid, by month: carried over, ignored, or to be billed, and the price of the latter.

By the instants worked. A row is that of the customer or org unit behind the holder of the contract that had
run out, and where no contract covered the work, that of the service request's customer.
Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, literal, select
from sqlalchemy.sql.selectable import Subquery

from engine.payers import REST_KIND
from workflows.charging.held_terms import overage_rates
from workflows.core.actors import OFFICE
from workflows.core.transaction import Transaction
from workflows.reports.months import MonthSpan, month_span
from workflows.reports.overview import is_uncovered
from workflows.reports.parties import during, holder_spans, party_key, require_party
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
from workflows.store.column_types import text_constant
from workflows.views.reports import UncoveredInMonth, UncoveredRow

BY = {"customer": ("party",), "contract": ("contract_id",), "customer_and_month": ("party", "month")}
"""How the rows can be listed, and the columns of each."""
SUMS = ("carried", "ignored", "overage", "overage_minor")
a, c, entry, request = t.work_allocation, t.contract, t.work_entry, t.service_request
charge = t.overage_charge
_NO_RATE = -1


@dataclass(frozen=True, slots=True)
class UncoveredReport:
    """The report of some months; `party_name` is whom it is filtered by. Prices are in the currency."""

    tx: Transaction
    span: MonthSpan
    party_name: str | None
    currency: str
    sums: Subquery

    def months(self) -> list[UncoveredInMonth]:
        """The sums of each month, the earliest first; a month without any has zeros."""
        found = sums_by_month(self.tx, self.sums, SUMS, self.span.names)
        return [UncoveredInMonth(**amounts, month=month) for month, amounts in found]

    def list_by(self, by: str) -> ReportList[UncoveredRow]:
        """The rows: one for each customer, contract, or customer and month. Raises: InvalidInput."""
        return list_sums(self.tx, self.sums, key_columns(by, BY), SUMS, self._views)

    def _views(self, rows: Sequence[Row[Any]]) -> list[UncoveredRow]:
        names = Names(self.tx, rows)
        return [UncoveredRow(**amounts_of(row, SUMS), **names.keys_of(row)) for row in rows]


def read_uncovered(
    tx: Transaction, *, from_: str | None = None, to: str | None = None, party: str | None = None
) -> UncoveredReport:
    """The report of the months from one to another (YYYY-MM, inclusive); `party` is that of one customer.

    Raises: NotAllowed for technicians and customers; InvalidInput for a month or `party`.
    """
    tx.require(*OFFICE)
    span = month_span(tx, from_, to)
    name = require_party(tx, party) if party is not None else None
    return UncoveredReport(tx, span, name, tx.settings.currency, _sums(tx, span, party))


def _sums(tx: Transaction, span: MonthSpan, party: str | None) -> Subquery:
    spans = holder_spans().subquery("spans")
    whose = func.coalesce(spans.c.party, party_key("customer", request.c.customer_id))
    contract_id = func.coalesce(a.c.contract_id, text_constant(NO_ID))
    month = span.month_of(a.c.effective_at)
    moved = (
        select(
            whose.label("party"),
            contract_id.label("contract_id"),
            month.label("month"),
            *(func.sum(_minutes(kind)).label(kind) for kind in REST_KIND.values()),
            func.sum(_overage_minor(tx)).label("overage_minor"),
        )
        .select_from(a)
        .join(entry, entry.c.id == a.c.work_entry_id)
        .join(request, request.c.id == entry.c.service_request_id)
        .outerjoin(c, c.c.id == a.c.contract_id)
        .outerjoin(charge, and_(charge.c.allocation_id == a.c.id, charge.c.takes_back_id.is_(None)))
        .outerjoin(spans, and_(spans.c.contract_id == a.c.contract_id, during(spans, a.c.effective_at)))
        .where(is_uncovered(), span.contains(a.c.effective_at))
        .group_by(whose, contract_id, month)
        .subquery("moved")
    )
    wanted = [moved.c.party == party] if party is not None else []
    return select(moved).where(*wanted).subquery("sums")


def _minutes(kind: str) -> ColumnElement[int]:
    return case((a.c.kind == kind, a.c.minutes), else_=0)


def _overage_minor(tx: Transaction) -> ColumnElement[int]:
    """What was charged for the minutes to be billed; of those not charged yet, the price.

    By the price of an hour of the contract when it was worked, else that of the settings then, rounded half
    up once for each, as by `engine.charging`.
    """
    held = overage_rates(tx)
    default: ColumnElement[int] = literal(held.today or 0)
    if held.changes:
        # the first that applies: they are in the order of time
        before = ((a.c.effective_at < at, literal(minor or held.today or 0)) for at, minor in held.changes)
        default = case(*before, else_=default)
    rate = func.coalesce(_contract_rate(), default)
    # whole numbers: (minutes * rate / 60) with half up is this, rounded down
    price = (a.c.minutes * rate + 30) // 60
    return case((a.c.kind == "overage", func.coalesce(charge.c.amount_minor, price)), else_=0)


def _contract_rate() -> ColumnElement[int]:
    """SQL: the contract's own price of an hour when it was worked: as before the first amendment since."""
    amended = t.contract_amendment.c
    before = amended.before["overage_rate_minor"].as_integer()
    first = (
        select(func.coalesce(before, _NO_RATE))
        .where(amended.contract_id == a.c.contract_id, amended.effective_at > a.c.effective_at)
        .where(before.is_distinct_from(amended.after["overage_rate_minor"].as_integer()))
        .order_by(amended.effective_at, amended.id)
        .limit(1)
        .correlate(a)
        .scalar_subquery()
    )
    return case((first.is_(None), c.c.overage_rate_minor), else_=func.nullif(first, _NO_RATE))
