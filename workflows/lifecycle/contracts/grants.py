"""The grants of a contract with their stored balances: read, added, expired.

Source: product.md sections 7 and 8.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select, update

from engine.contracts import Contract, Grant, Limits, Unit, grant_window
from engine.ledger import LedgerTransaction, move
from workflows.core.transaction import Transaction
from workflows.ledger.journal import record
from workflows.store import tables as t
from workflows.store.ids import new_id


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot with its stored balances and the span in which it can be drawn."""

    grant: Grant
    consumed: int
    expired: int
    opens_at: datetime
    closes_at: datetime | None
    swept: bool
    kind: str
    reason: str | None

    def is_open(self, at: datetime) -> bool:
        return self.opens_at <= at and (self.closes_at is None or at < self.closes_at)


_LOTS = (
    select(t.lot, t.lot_balance)
    .join(t.lot_balance, t.lot_balance.c.lot_id == t.lot.c.id)
    .where(t.lot.c.contract_id.in_(bindparam("contracts", expanding=True)))
    .order_by(t.lot.c.id)
)
"""Built once: SQLAlchemy reads through a new statement at each call before it knows it again."""


def read_lots(tx: Transaction, contract_id: str) -> list[Lot]:
    """The contract's lots with their balances as stored, oldest first."""
    return lots_by_contract(tx, [contract_id]).get(contract_id, [])


def lots_by_contract(tx: Transaction, contract_ids: Iterable[str]) -> dict[str, list[Lot]]:
    """The lots of several contracts in one statement."""
    lot, balance = t.lot, t.lot_balance
    rows = tx.connection.execute(_LOTS, {"contracts": list(contract_ids)})
    found: dict[str, list[Lot]] = {}
    for row in rows.mappings():
        grant = Grant(
            id=row[lot.c.id],
            contract_id=row[lot.c.contract_id],
            unit=row[lot.c.unit],
            quantity=row[lot.c.quantity],
            effective_at=row[lot.c.effective_at],
            expires_at=row[lot.c.expires_at],
            available=row[balance.c.available],
            held=row[balance.c.held],
        )
        found.setdefault(grant.contract_id, []).append(
            Lot(
                grant,
                row[balance.c.consumed],
                row[balance.c.expired],
                row[balance.c.opens_at],
                row[balance.c.closes_at],
                row[balance.c.swept],
                row[lot.c.kind],
                row[lot.c.reason],
            )
        )
    return found


def limits_at(lots: Sequence[Lot], at: datetime) -> Limits:
    """What can still be drawn at `at`, from the balances as stored."""
    minutes = sum(one.grant.available for one in lots if one.grant.unit == "minutes" and one.is_open(at))
    incidents = sum(one.grant.available for one in lots if one.grant.unit == "incidents" and one.is_open(at))
    held = sum(one.grant.held for one in lots if one.grant.unit == "incidents")
    return Limits(minutes, incidents, held)


def add_lot(
    tx: Transaction,
    contract: Contract,
    *,
    unit: Unit,
    quantity: int,
    kind: str,
    effective_at: datetime | None = None,
    expires_at: datetime | None = None,
    price_minor: int | None = None,
    reason: str | None = None,
) -> str:
    """Add a grant and post it; answers its id.

    A lot without an instant of its own begins with the contract, and counts as bought from the sale on.
    """
    lot_id = new_id()
    tx.add(
        t.lot,
        id=lot_id,
        contract_id=contract.id,
        unit=unit,
        quantity=quantity,
        effective_at=effective_at,
        expires_at=expires_at,
        kind=kind,
        price_minor=price_minor,
        reason=reason,
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    opens_at, closes_at = _lot_span(effective_at, expires_at, contract)
    tx.add(
        t.lot_balance,
        lot_id=lot_id,
        contract_id=contract.id,
        unit=unit,
        available=0,
        opens_at=opens_at,
        closes_at=closes_at,
    )
    record(
        tx,
        LedgerTransaction(
            "grant",
            effective_at or min(contract.starts_at, tx.now),
            move(unit, quantity, (lot_id, "sold"), (lot_id, "available")),
            cause=f"contract:{contract.id}",
            why=reason
            or {"sold": "Sold with the contract", "top_up": "Topped up"}.get(kind, kind.capitalize()),
            key=f"grant:{lot_id}",
        ),
        contract_id=contract.id,
    )
    return lot_id


def respan_lots(tx: Transaction, contract: Contract) -> None:
    """Give the lots their spans again after the contract's own has changed."""
    for one in read_lots(tx, contract.id):
        opens_at, closes_at = _lot_span(one.grant.effective_at, one.grant.expires_at, contract)
        tx.connection.execute(
            update(t.lot_balance)
            .where(t.lot_balance.c.lot_id == one.grant.id)
            .values(opens_at=opens_at, closes_at=closes_at)
        )


def sweep_lots(tx: Transaction, contract_id: str, at: datetime, *, for_good: bool = False) -> None:
    """Post what is left in lots whose span is over as expired, effective when it ended.

    `for_good` is for a contract that is cancelled: what was to begin later goes with it, and a month that
    would have been granted later as it begins.
    """
    for one in read_lots(tx, contract_id):
        if for_good and one.closes_at is not None and one.closes_at == one.opens_at > at:
            left_over = [(max(at, one.grant.effective_at or at), one.grant.available)]
        elif one.closes_at is None or one.closes_at > at:
            continue
        else:
            left_over = _left_over(tx, one, at)
        for ended_at, amount in left_over:
            if not amount:
                continue
            record(
                tx,
                LedgerTransaction(
                    "expire",
                    ended_at,
                    move(one.grant.unit, amount, (one.grant.id, "available"), (one.grant.id, "expired")),
                    cause=f"contract:{contract_id}",
                    why="Left when its time was over",
                ),
                contract_id=contract_id,
            )
        if not one.swept:
            tx.connection.execute(
                update(t.lot_balance).where(t.lot_balance.c.lot_id == one.grant.id).values(swept=True)
            )


def _left_over(tx: Transaction, lot: Lot, at: datetime) -> list[tuple[datetime, int]]:
    """What of an ended lot is still available, by the instant from which it counts as expired.

    What was there at the end expires with it; an incident released later expires at its release.
    """
    if not lot.grant.available or lot.closes_at is None:
        return []
    ended_at = max(lot.closes_at, lot.opens_at)
    leg = t.ledger_posting
    posted = select(func.coalesce(func.sum(leg.c.amount), 0)).where(
        leg.c.owner == lot.grant.id, leg.c.account == "available", leg.c.effective_at <= ended_at
    )
    then = min(lot.grant.available, max(0, int(tx.connection.execute(posted).scalar_one())))
    parts = [(ended_at, then), (max(at, ended_at), lot.grant.available - then)]
    return [(instant, amount) for instant, amount in parts if amount]


def _lot_span(
    effective_at: datetime | None, expires_at: datetime | None, contract: Contract
) -> tuple[datetime, datetime | None]:
    """A lot's own span inside the contract's; one that is empty opens and closes at the same instant."""
    grant = Grant("", contract.id, "minutes", 1, effective_at, expires_at)
    window = grant_window(grant, contract.window)
    if window is not None:
        return window.start, window.until
    opens_at = max(effective_at or contract.starts_at, contract.starts_at)
    return opens_at, opens_at
