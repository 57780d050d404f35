"""The balances of a contract's grants as of an instant, and how they are shown.

Whole minutes, incidents and minor units of money. Source: product.md sections 7 and 8.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select

from engine.contracts import UNITS
from engine.ledger import GrantBalance
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import StoredGrant
from workflows.store import tables as t
from workflows.views.contracts import BalanceView, GrantView, MoneyBalance, UnitBalance

CARRIED_OVER = "carry_over"
"""What the grant that keeps a month's rest is called in views: as a record it is part of the allocation."""


def balance_at(
    grant: StoredGrant, posted: Mapping[str, GrantBalance] | None, at: datetime, *, is_final: bool
) -> GrantBalance:
    """A grant's balance at `at`: stored for now, from postings for the past, expired after its end.

    In a closed period it `is_final`: all that was due was posted then, and an end that is recorded since, as
    of an instant in it, is an adjustment of the open one.
    """
    if posted is not None:
        balance = posted.get(grant.grant.id, GrantBalance())
    else:
        balance = GrantBalance(grant.grant.available, grant.grant.held, grant.consumed, grant.expired)
    if grant.grant.effective_at is not None and grant.grant.effective_at > at:
        # nothing of a month that has not begun, but what has been drawn ahead on it
        return GrantBalance(held=balance.held, consumed=balance.consumed)
    return balance if is_final else balance.ended(is_over=grant.window.is_over(at))


def posted_as_of(
    tx: Transaction, grants: Mapping[str, Sequence[StoredGrant]], at: datetime
) -> dict[str, GrantBalance]:
    """The balances by grant as of an instant (aware UTC), by their postings; `grants` are by contract."""
    ids = [one.grant.id for group in grants.values() for one in group]
    leg = t.ledger_posting
    rows = tx.connection.execute(
        select(leg.c.owner, leg.c.account, func.sum(leg.c.amount).label("amount"))
        .where(leg.c.owner.in_(ids), leg.c.effective_at <= at)
        .group_by(leg.c.owner, leg.c.account)
    )
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        if row.account != "sold":
            sums.setdefault(row.owner, {})[row.account] = int(row.amount)
    return {owner: GrantBalance(**amounts) for owner, amounts in sums.items()}


def sum_of(grants: Iterable[StoredGrant], balances: Mapping[str, GrantBalance], currency: str) -> BalanceView:
    """The balances of a contract's grants together, by their units."""
    sums = {unit: [0, 0, 0, 0] for unit in UNITS}
    for one in grants:
        balance = balances[one.grant.id]
        amounts = (balance.consumed, balance.held, balance.available, balance.expired)
        sums[one.grant.unit] = [a + b for a, b in zip(sums[one.grant.unit], amounts, strict=True)]
    minutes, incidents, money = (sums[unit] for unit in UNITS)
    drawn, held, available, expired = money
    return BalanceView(
        UnitBalance(sum(minutes), *minutes),
        UnitBalance(sum(incidents), *incidents),
        MoneyBalance(sum(money), drawn, held, available, expired, currency=currency),
    )


def held_pending(
    grants: Sequence[StoredGrant], balances: Mapping[str, GrantBalance], at: datetime
) -> tuple[int, int]:
    """The minutes or money held for work that awaits approval, and how much returns without that work."""
    held = [(one, balances[one.grant.id].held) for one in grants if one.grant.unit != "incidents"]
    returning = sum(amount for one, amount in held if not one.window.is_over(at) and not is_ahead(one, at))
    return sum(amount for _, amount in held), returning


def grant_view(grant: StoredGrant, balance: GrantBalance) -> GrantView:
    """A grant with its balance, as it is shown."""
    return GrantView(
        id=grant.grant.id,
        unit=grant.grant.unit,
        currency=grant.grant.currency,
        kind=grant.kind if grant.rest_of is None else CARRIED_OVER,
        quantity=grant.grant.quantity,
        effective_at=grant.grant.effective_at,
        expires_at=grant.grant.expires_at,
        opens_at=grant.opens_at,
        closes_at=grant.closes_at,
        balance=UnitBalance(
            balance.purchased, balance.consumed, balance.held, balance.available, balance.expired
        ),
        reason=grant.reason,
        priority=grant.grant.priority,
        scope=grant.scope,
    )


def is_ahead(grant: StoredGrant, at: datetime) -> bool:
    """Whether a grant is of a month that has not begun at an instant."""
    return grant.grant.effective_at is not None and grant.grant.effective_at > at
