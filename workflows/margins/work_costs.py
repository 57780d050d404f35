"""What the work that contracts covered costs, by month. Source: product.md section 10 (Reports)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, func, literal, select

from engine.cost_rates import CostRate, cost_minor, rate_in_force
from workflows.core.transaction import Transaction
from workflows.reports.months import MonthSpan
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant

Sums = dict[tuple[str, str], dict[str, int]]
"""By contract and month."""
e = t.work_entry


def work_costs(tx: Transaction, span: MonthSpan, rates: Sequence[CostRate]) -> Sums:
    """The time worked for contracts in the months, and what it costs by some rates.

    Work counts for the contract that covered it, in the month in which it was worked (YYYY-MM), and costs
    what its technician's role of then does. The sums are `worked` and `unpriced` minutes, and `cost_minor`.
    """
    sums: Sums = defaultdict(lambda: dict.fromkeys(("cost_minor", "worked", "unpriced"), 0))
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
            e.c.charged_by["role"].as_string().label("role"),
            at.label("at"),
            e.c.worked_minutes,
        )
        .where(t.COUNTED_WORK, span.contains(e.c.started_at))
        .subquery("work")
    )
    keys = (work.c.contract_id, work.c.month, work.c.technician_id, work.c.role, work.c.at)
    rows = tx.connection.execute(
        select(*keys, func.sum(work.c.worked_minutes).label("minutes"))
        .where(work.c.contract_id != "")
        .group_by(*keys)
    )
    priced: dict[tuple[str, str, str, int], int] = defaultdict(int)
    for row in rows:
        amounts, minutes = sums[row.contract_id, row.month], int(row.minutes)
        amounts["worked"] += minutes
        rate = None
        if row.at:
            rate = rate_in_force(rates, person=row.technician_id, role=row.role, at=begins[row.at - 1])
        if rate is None:
            amounts["unpriced"] += minutes
        else:
            priced[row.contract_id, row.month, row.technician_id, rate.per_hour_minor] += minutes
    # rounded once for each price of a person: a rate of somebody else changes nothing of it
    for (contract, month, _, per_hour_minor), minutes in priced.items():
        sums[contract, month]["cost_minor"] += cost_minor(minutes, per_hour_minor)
    return sums
