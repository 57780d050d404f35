"""The margin of contracts by month: their revenue less the cost of the work that they covered.

Revenue is what the ledger has, time past what a contract pays included once it is invoiced, and in open
accounting periods what is due by the end of each month. Work counts in the month in which it was worked, for
the contract that covered it, by the cost rate of its day.
Source: product.md section 10 (Reports).
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import func, select

from workflows.billing.journals.overage_revenue import overage_revenue
from workflows.billing.journals.revenue import deferrals
from workflows.core.paging import Place, Sort, page_of_values, read_cursor, require_limit
from workflows.core.transaction import Transaction
from workflows.margins.cost_rates import ACCOUNTANTS, cost_rates
from workflows.margins.work_costs import Sums, work_costs
from workflows.register.holder_names import holder_names
from workflows.reports.months import MonthSpan, month_span
from workflows.reports.parties import in_parts
from workflows.reports.up_to_date import up_to_date_contracts
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, CountedPage, Page
from workflows.views.margins import MarginInMonth, MarginOfContract, RevenueOfContract

ORDER, REVENUE_ORDER = "margin", "month"
SUMS = ("revenue_minor", "cost_minor", "worked", "unpriced")
c, s, leg = t.contract, t.sold_item, t.ledger_posting


class RevenueKey(NamedTuple):
    """What revenue is of: a sold item of a contract in a month (YYYY-MM).

    `document` is the invoice or the credit note of time; of anything else, "".
    """

    month: str
    contract: str
    item: str
    document: str


Revenue = dict[RevenueKey, int]
"""In minor units."""


@dataclass(frozen=True, slots=True)
class MarginReport:
    """The report of some months; `ranked` has contract and sums, the lowest margin first.

    `revenue` is what the revenue is made of.
    """

    tx: Transaction
    span: MonthSpan
    currency: str
    sums: Sums
    revenue: Revenue
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

    def revenue_page(
        self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[RevenueOfContract]:
        """A page of what the revenue is made of, the earliest month first.

        Raises: InvalidInput for a limit or a cursor.
        """
        keys = self._revenue_keys()
        sort = Sort(t.overage_item.c.month)
        page = page_of_values(
            keys, _revenue_place, order=REVENUE_ORDER, sort=sort, limit=limit, cursor=cursor
        )
        return page.with_items(self._revenue_views(page.items))

    def revenue_rows(self, most: int) -> list[RevenueOfContract]:
        """What the revenue is made of, up to so many rows."""
        return self._revenue_views(self._revenue_keys()[:most])

    def _revenue_keys(self) -> list[RevenueKey]:
        return sorted((key for key, minor in self.revenue.items() if minor), key=_revenue_place)

    def _revenue_views(self, keys: Sequence[RevenueKey]) -> list[RevenueOfContract]:
        rows: dict[str, Any] = {}
        for part in in_parts(key.item for key in keys):
            sold = select(s.c.id, s.c.kind, s.c.invoice_id).where(s.c.id.in_(part))
            rows |= {row.id: row for row in self.tx.connection.execute(sold)}
        documents = {key: key.document or rows[key.item].invoice_id for key in keys}
        numbers: dict[str, str] = {}
        for part in in_parts(one for one in documents.values() if one is not None):
            numbered = select(t.invoice.c.id, t.invoice.c.number).where(t.invoice.c.id.in_(part))
            numbers |= {row.id: row.number for row in self.tx.connection.execute(numbered)}
        contracts: dict[str, str] = {}
        for part in in_parts(key.contract for key in keys):
            named = select(c.c.id, c.c.number).where(c.c.id.in_(part))
            contracts |= {row.id: row.number for row in self.tx.connection.execute(named)}
        return [
            RevenueOfContract(
                month=key.month,
                contract=key.contract,
                contract_number=contracts[key.contract],
                sold=key.item,
                kind=rows[key.item].kind,
                invoice=documents[key],
                invoice_number=numbers.get(documents[key] or ""),
                revenue_minor=self.revenue[key],
            )
            for key in keys
        ]

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
        revenue = {
            key: minor
            for key, minor in _revenue(fresh, span).items()
            if contract is None or key.contract == contract
        }
        sums: Sums = defaultdict(lambda: dict.fromkeys(SUMS, 0))
        for key, minor in revenue.items():
            sums[key.contract, key.month]["revenue_minor"] += minor
        for work_key, cost in work_costs(fresh, span, cost_rates(fresh)).items():
            if contract is None or work_key[0] == contract:
                sums[work_key] |= cost
        totals: dict[str, dict[str, int]] = {}
        for (of_contract, _), amounts in sums.items():
            total = totals.setdefault(of_contract, dict.fromkeys(SUMS, 0))
            for name in SUMS:
                total[name] += amounts[name]
        ranked = sorted(
            ((_margin(amounts), one, amounts) for one, amounts in totals.items() if any(amounts.values())),
            key=_place,
        )
        yield MarginReport(fresh, span, fresh.settings.currency, sums, revenue, ranked)


def _revenue(tx: Transaction, span: MonthSpan) -> Revenue:
    """The revenue of contracts in the months, by what it is of."""
    found: Revenue = defaultdict(int)
    _add_posted(tx, span, found)
    _add_due(tx, span, found)
    _add_overage(tx, span, found)
    return found


def _add_posted(tx: Transaction, span: MonthSpan, found: Revenue) -> None:
    """The revenue that was posted for what was sold of contracts in the months."""
    posted = (
        select(s.c.id, s.c.contract_id, span.month_of(leg.c.effective_at).label("month"), leg.c.amount)
        .join(s, s.c.id == leg.c.owner)
        .where(
            leg.c.account == "revenue",
            leg.c.unit == tx.settings.currency,
            s.c.contract_id.is_not(None),
            span.contains(leg.c.effective_at),
        )
        .subquery("posted")
    )
    keys = (posted.c.month, posted.c.contract_id, posted.c.id)
    rows = tx.connection.execute(select(*keys, func.sum(posted.c.amount).label("amount")).group_by(*keys))
    for row in rows:
        found[RevenueKey(row.month, row.contract_id, row.id, "")] -= int(row.amount)


def _add_due(tx: Transaction, span: MonthSpan, found: Revenue) -> None:
    """The revenue of months that are open: by how much what is still to be posted grows in each."""
    ends = (span.starts_at, *span.ends_at)
    for month, (before, after) in zip(span.names, pairwise(map(_until(tx), ends)), strict=True):
        for (contract, item), due in after.items():
            found[RevenueKey(month, contract, item, "")] += due
        for (contract, item), due in before.items():
            found[RevenueKey(month, contract, item, "")] -= due


def _until(tx: Transaction) -> Any:
    """What is due of each contract and what was sold of it by an instant; nothing in a closed period."""
    closed_until = tx.config.closed_until

    def due(until: datetime) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        if closed_until is None or until > closed_until:
            for one in deferrals(tx, until):
                if one.contract is not None and one.currency == tx.settings.currency and one.due_minor:
                    found[one.contract, one.item] = one.due_minor
        return found

    return due


def _add_overage(tx: Transaction, span: MonthSpan, found: Revenue) -> None:
    """The revenue of time past what contracts pay, as it was posted for who pays."""
    for one in overage_revenue(tx, span.starts_at, tx.settings.currency):
        if span.starts_at <= one.effective_at < span.ends_at[-1]:
            month = span.names[bisect_right(span.ends_at, one.effective_at)]
            found[RevenueKey(month, one.worked_for.contract, one.sold_item, one.document)] += one.amount_minor


def _margin(amounts: dict[str, int]) -> int:
    return amounts["revenue_minor"] - amounts["cost_minor"]


def _place(one: tuple[int, str, dict[str, int]]) -> tuple[int, str]:
    return one[0], one[1]


def _revenue_place(key: RevenueKey) -> tuple[str, str]:
    return key.month, " ".join(key[1:])
