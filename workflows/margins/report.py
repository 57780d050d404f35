"""The margin of contracts by month: their revenue less the cost of the work that they covered.

Revenue is what the ledger has, and in open accounting periods what is due by the end of each month. Work
counts in the month in which it was worked, for the contract that covered it, by the cost rate of its day.
Source: product.md section 10 (Reports).
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import case, func, literal, select

from engine.cost_rates import cost_minor, rate_in_force
from workflows.billing.revenue import deferrals
from workflows.core.paging import Place, Sort, read_cursor, require_limit
from workflows.core.transaction import Transaction
from workflows.margins.cost_rates import ACCOUNTANTS, cost_rates
from workflows.register.holder_names import holder_names
from workflows.reports.months import MonthSpan, month_span
from workflows.reports.parties import in_parts
from workflows.reports.up_to_date import up_to_date_contracts
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant
from workflows.views import DEFAULT_LIMIT, CountedPage
from workflows.views.margins import MarginInMonth, MarginOfContract

ORDER = "margin"
SUMS = ("revenue_minor", "cost_minor", "worked", "unpriced")
Sums = dict[tuple[str, str], dict[str, int]]
"""By contract and month."""
c, e, s, leg = t.contract, t.work_entry, t.sold_item, t.ledger_posting


@dataclass(frozen=True, slots=True)
class MarginReport:
    """The report of some months; `rows` has contract and sums, the lowest margin first."""

    tx: Transaction
    span: MonthSpan
    currency: str
    sums: Sums
    ranked: list[tuple[int, str, dict[str, int]]]

    def months(self) -> list[MarginInMonth]:
        """The sums of each month, the earliest first."""
        found = {month: dict.fromkeys(SUMS, 0) for month in self.span.names}
        for (_, month), amounts in self.sums.items():
            for name in SUMS:
                found[month][name] += amounts[name]
        return [
            MarginInMonth(**amounts, margin_minor=_margin(amounts), month=month)
            for month, amounts in found.items()
        ]

    def page(self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> CountedPage[MarginOfContract]:
        """A page of the contracts. Raises: InvalidInput for a limit or a cursor."""
        require_limit(limit)
        start = self._start(cursor) if cursor is not None else 0
        found = self.ranked[start : start + limit]
        places = [Place(ORDER, (margin,), one, start + n) for n, (margin, one, _) in enumerate(found, 1)]
        more = start + len(found) < len(self.ranked)
        return CountedPage(
            self._views(found),
            places[-1].cursor() if more and places else None,
            previous_cursor=places[0].turned().cursor() if start and places else None,
            total=len(self.ranked),
            start=start,
            cursors=[one.cursor() for one in places],
        )

    def rows(self, most: int) -> list[MarginOfContract]:
        """The contracts up to so many, the lowest margin first."""
        return self._views(self.ranked[:most])

    def _start(self, cursor: str) -> int:
        """How many contracts come before the page of a cursor."""
        place = read_cursor(cursor, ORDER, Sort(c.c.price_minor))
        at = (place.keys[0], place.record_id)
        before = bisect_left(self.ranked, at, key=_place)
        return max(0, before - DEFAULT_LIMIT) if place.backward else bisect_right(self.ranked, at, key=_place)

    def _views(self, ranked: Sequence[tuple[int, str, dict[str, int]]]) -> list[MarginOfContract]:
        rows: dict[str, Any] = {}
        names: dict[tuple[str, str], str] = {}
        for part in in_parts(one for _, one, _ in ranked):
            found = self.tx.connection.execute(select(c).where(c.c.id.in_(part))).all()
            rows |= {row.id: row for row in found}
            names |= holder_names(self.tx, {(row.holder_kind, row.holder_id) for row in found})
        return [
            MarginOfContract(
                **amounts,
                margin_minor=margin,
                contract=contract,
                contract_number=rows[contract].number,
                holder_name=names.get((rows[contract].holder_kind, rows[contract].holder_id), ""),
            )
            for margin, contract, amounts in ranked
        ]


@contextmanager
def open_margins(
    tx: Transaction, *, from_: str | None = None, to: str | None = None, contract: str | None = None
) -> Iterator[MarginReport]:
    """The report of the months from one to another (YYYY-MM, inclusive), of all contracts or of one.

    Raises: NotAllowed unless the actor is finance or an administrator; InvalidInput for a month.
    """
    tx.require(*ACCOUNTANTS)
    span = month_span(tx, from_, to)
    with up_to_date_contracts(tx) as fresh:
        sums: Sums = defaultdict(lambda: dict.fromkeys(SUMS, 0))
        _add_posted(fresh, span, sums)
        _add_due(fresh, span, sums)
        _add_work(fresh, span, sums)
        if contract is not None:
            sums = {key: amounts for key, amounts in sums.items() if key[0] == contract}
        totals: dict[str, dict[str, int]] = {}
        for (of_contract, _), amounts in sums.items():
            total = totals.setdefault(of_contract, dict.fromkeys(SUMS, 0))
            for name in SUMS:
                total[name] += amounts[name]
        ranked = sorted(
            ((_margin(amounts), one, amounts) for one, amounts in totals.items() if any(amounts.values())),
            key=_place,
        )
        yield MarginReport(fresh, span, fresh.settings.currency, sums, ranked)


def _add_posted(tx: Transaction, span: MonthSpan, sums: Sums) -> None:
    """The revenue that was posted for contracts in the months."""
    posted = (
        select(s.c.contract_id, span.month_of(leg.c.effective_at).label("month"), leg.c.amount)
        .join(s, s.c.id == leg.c.owner)
        .where(
            leg.c.account == "revenue",
            leg.c.unit == tx.settings.currency,
            span.contains(leg.c.effective_at),
        )
        .subquery("posted")
    )
    rows = tx.connection.execute(
        select(posted.c.contract_id, posted.c.month, func.sum(posted.c.amount).label("amount")).group_by(
            posted.c.contract_id, posted.c.month
        )
    )
    for row in rows:
        sums[row.contract_id, row.month]["revenue_minor"] -= int(row.amount)


def _add_due(tx: Transaction, span: MonthSpan, sums: Sums) -> None:
    """The revenue of months that are open: by how much what is still to be posted grows in each."""
    ends = (span.starts_at, *span.ends_at)
    for month, (before, after) in zip(span.names, pairwise(map(_until(tx), ends)), strict=True):
        for contract, due in after.items():
            sums[contract, month]["revenue_minor"] += due
        for contract, due in before.items():
            sums[contract, month]["revenue_minor"] -= due


def _until(tx: Transaction) -> Any:
    """What is due of each contract by an instant; nothing in a closed period."""
    closed_until = tx.config.closed_until

    def due(until: datetime) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        if closed_until is None or until > closed_until:
            for one in deferrals(tx, until):
                if one.contract is not None and one.currency == tx.settings.currency and one.due_minor:
                    found[one.contract] += one.due_minor
        return found

    return due


def _add_work(tx: Transaction, span: MonthSpan, sums: Sums) -> None:
    """The time worked for contracts in the months, and what it costs."""
    rates = cost_rates(tx)
    begins = sorted({one.from_at for one in rates})
    # between two instants at which rates begin, everyone has one rate
    at: Any = literal(0)
    if begins:
        at = case(
            *((e.c.started_at < literal(one, Instant), literal(n)) for n, one in enumerate(begins)),
            else_=literal(len(begins)),
        )
    covered_by = e.c.charged_by["contract"].as_string()
    work = (
        select(
            func.coalesce(covered_by, literal(""), type_=Id).label("contract_id"),
            span.month_of(e.c.started_at).label("month"),
            e.c.technician_id,
            at.label("at"),
            e.c.worked_minutes,
        )
        .where(t.COUNTED_WORK, span.contains(e.c.started_at))
        .subquery("work")
    )
    keys = (work.c.contract_id, work.c.month, work.c.technician_id, work.c.at)
    rows = tx.connection.execute(
        select(*keys, t.user_account.c.role, func.sum(work.c.worked_minutes).label("minutes"))
        .join(t.user_account, t.user_account.c.id == work.c.technician_id)
        .where(work.c.contract_id != "")
        .group_by(*keys, t.user_account.c.role)
    )
    for row in rows:
        amounts, minutes = sums[row.contract_id, row.month], int(row.minutes)
        amounts["worked"] += minutes
        rate = None
        if row.at:
            rate = rate_in_force(rates, person=row.technician_id, role=row.role, at=begins[row.at - 1])
        if rate is None:
            amounts["unpriced"] += minutes
        else:
            amounts["cost_minor"] += cost_minor(minutes, rate.per_hour_minor)


def _margin(amounts: dict[str, int]) -> int:
    return amounts["revenue_minor"] - amounts["cost_minor"]


def _place(one: tuple[int, str, dict[str, int]]) -> tuple[int, str]:
    return one[0], one[1]
