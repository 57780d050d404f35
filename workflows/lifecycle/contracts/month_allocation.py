"""The grants of the months of a contract: each month's allocation, and the grant that keeps its rest.

Source: product.md section 4 (support_hours_by_month).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from engine.contracts import Borrow, CarryOver, Contract
from engine.periods import month_after, months_between
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import add_grant


def grant_months(
    tx: Transaction,
    contract: Contract,
    minutes: int,
    carry_over: CarryOver | None,
    *,
    granted: Collection[datetime | None] = (),
) -> None:
    """Grant the allocation of each month of a contract's period, except of those that begin at `granted`.

    A month whose rest is retained gets a second grant, which is empty until the month ends. It opens then,
    and so never does after the last month, unless the contract is extended.
    """
    if contract.expires_at is None:
        return
    retained = carry_over.most_of(minutes) if carry_over is not None else 0
    for number, month in enumerate(months_between(contract.starts_at, contract.expires_at, contract.zone), 1):
        if month.start in granted:
            continue
        allocation = add_grant(
            tx,
            contract,
            unit="minutes",
            quantity=minutes,
            kind="allocation",
            effective_at=month.start,
            expires_at=month.end,
            reason=f"Allocation of month {number}",
        )
        if carry_over is not None and retained:
            add_grant(
                tx,
                contract,
                unit="minutes",
                quantity=retained,
                kind="allocation",
                effective_at=month.end,
                expires_at=month_after(contract.starts_at, number + carry_over.months, contract.zone),
                reason=f"Carried over from month {number}",
                rest_of=allocation,
            )


def carry_over_of(row: Any) -> CarryOver | None:
    """What a contract's row says of the rest of its months."""
    return CarryOver(**row.carry_over) if row.carry_over else None


def borrow_of(row: Any) -> Borrow | None:
    """What a contract's row says of drawing ahead on the next month."""
    return Borrow(**row.borrow) if row.borrow else None
