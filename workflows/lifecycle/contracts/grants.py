"""The grants of a contract with their stored balances: read, added, expired.

Source: product.md sections 7 and 8.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, func, select, update

from engine.contracts import Contract, Grant, Limits, Unit, Window, grant_window
from engine.ledger import LedgerTransaction, move
from workflows.core.transaction import Transaction
from workflows.ledger.journal import record
from workflows.store import tables as t
from workflows.store.ids import new_id


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A grant with its stored balances and the span in which it can be drawn."""

    grant: Grant
    consumed: int
    expired: int
    opens_at: datetime
    closes_at: datetime | None
    expiry_posted: bool
    kind: str
    reason: str | None

    @property
    def window(self) -> Window:
        """The span in which it can be drawn; empty where it opens and closes at the same instant."""
        return Window(self.opens_at, self.closes_at)


_GRANTS = (
    select(t.contract_grant, t.grant_balance)
    .join(t.grant_balance, t.grant_balance.c.grant_id == t.contract_grant.c.id)
    .where(t.contract_grant.c.contract_id.in_(bindparam("contracts", expanding=True)))
    .order_by(t.contract_grant.c.id)
)
"""Built once: SQLAlchemy reads through a new statement at each call before it knows it again."""


def read_grants(tx: Transaction, contract_id: str) -> list[StoredGrant]:
    """The contract's grants with their balances as stored, oldest first."""
    return grants_by_contract(tx, [contract_id]).get(contract_id, [])


def grants_by_contract(tx: Transaction, contract_ids: Iterable[str]) -> dict[str, list[StoredGrant]]:
    """The grants of several contracts in one statement."""
    g, balance = t.contract_grant, t.grant_balance
    rows = tx.connection.execute(_GRANTS, {"contracts": list(contract_ids)})
    found: dict[str, list[StoredGrant]] = {}
    for row in rows.mappings():
        grant = Grant(
            id=row[g.c.id],
            contract_id=row[g.c.contract_id],
            unit=row[g.c.unit],
            quantity=row[g.c.quantity],
            effective_at=row[g.c.effective_at],
            expires_at=row[g.c.expires_at],
            available=row[balance.c.available],
            held=row[balance.c.held],
        )
        found.setdefault(grant.contract_id, []).append(
            StoredGrant(
                grant,
                row[balance.c.consumed],
                row[balance.c.expired],
                row[balance.c.opens_at],
                row[balance.c.closes_at],
                row[balance.c.expiry_posted],
                row[g.c.kind],
                row[g.c.reason],
            )
        )
    return found


def limits_at(grants: Sequence[StoredGrant], at: datetime) -> Limits:
    """What can still be drawn at `at`, from the balances as stored."""
    minutes = sum(
        one.grant.available for one in grants if one.grant.unit == "minutes" and one.window.contains(at)
    )
    incidents = sum(
        one.grant.available for one in grants if one.grant.unit == "incidents" and one.window.contains(at)
    )
    held = sum(one.grant.held for one in grants if one.grant.unit == "incidents")
    return Limits(minutes, incidents, held)


def add_grant(
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

    A grant without an instant of its own begins with the contract, and counts as bought from the sale on.
    """
    grant_id = new_id()
    tx.add(
        t.contract_grant,
        id=grant_id,
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
    opens_at, closes_at = _grant_span(effective_at, expires_at, contract)
    tx.add(
        t.grant_balance,
        grant_id=grant_id,
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
            move(unit, quantity, (grant_id, "sold"), (grant_id, "available")),
            cause=f"contract:{contract.id}",
            why=reason
            or {"sold": "Sold with the contract", "top_up": "Topped up"}.get(kind, kind.capitalize()),
            key=f"grant:{grant_id}",
        ),
        contract_id=contract.id,
    )
    return grant_id


def update_grant_spans(tx: Transaction, contract: Contract) -> None:
    """Give the grants their spans again after the contract's own has changed."""
    for one in read_grants(tx, contract.id):
        opens_at, closes_at = _grant_span(one.grant.effective_at, one.grant.expires_at, contract)
        tx.connection.execute(
            update(t.grant_balance)
            .where(t.grant_balance.c.grant_id == one.grant.id)
            .values(opens_at=opens_at, closes_at=closes_at)
        )


def expire_grants(
    tx: Transaction,
    contract_id: str,
    at: datetime,
    *,
    for_good: bool = False,
    grants: Sequence[StoredGrant] | None = None,
) -> list[StoredGrant]:
    """Post what is left in grants whose span is over as expired, effective when it ended.

    `for_good` is for a contract that is cancelled: what was to begin later goes with it, and a month that
    would have been granted later as it begins. `grants` are the contract's, where they have been read.
    Returns the grants as they are afterwards.
    """
    after = list(grants) if grants is not None else read_grants(tx, contract_id)
    for place, one in enumerate(after):
        if for_good and one.closes_at is not None and one.closes_at == one.opens_at > at:
            left_over = [(max(at, one.grant.effective_at or at), one.grant.available)]
        elif not one.window.is_over(at):
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
        if not one.expiry_posted:
            tx.connection.execute(
                update(t.grant_balance)
                .where(t.grant_balance.c.grant_id == one.grant.id)
                .values(expiry_posted=True)
            )
        gone = sum(amount for _, amount in left_over)
        grant = replace(one.grant, available=one.grant.available - gone)
        after[place] = replace(one, grant=grant, expired=one.expired + gone, expiry_posted=True)
    return after


def _left_over(tx: Transaction, grant: StoredGrant, at: datetime) -> list[tuple[datetime, int]]:
    """What of an ended grant is still available, by the instant from which it counts as expired.

    What was there at the end expires with it; an incident released later expires at its release.
    """
    if not grant.grant.available or grant.closes_at is None:
        return []
    ended_at = max(grant.closes_at, grant.opens_at)
    leg = t.ledger_posting
    posted = select(func.coalesce(func.sum(leg.c.amount), 0)).where(
        leg.c.owner == grant.grant.id, leg.c.account == "available", leg.c.effective_at <= ended_at
    )
    then = min(grant.grant.available, max(0, int(tx.connection.execute(posted).scalar_one())))
    parts = [(ended_at, then), (max(at, ended_at), grant.grant.available - then)]
    return [(instant, amount) for instant, amount in parts if amount]


def _grant_span(
    effective_at: datetime | None, expires_at: datetime | None, contract: Contract
) -> tuple[datetime, datetime | None]:
    """A grant's own span inside the contract's; one that is empty opens and closes at the same instant."""
    grant = Grant("", contract.id, "minutes", 1, effective_at, expires_at)
    window = grant_window(grant, contract.window)
    if window is not None:
        return window.start, window.until
    opens_at = max(effective_at or contract.starts_at, contract.starts_at)
    return opens_at, opens_at
