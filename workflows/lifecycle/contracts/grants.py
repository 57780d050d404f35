"""The grants of a contract with their stored balances: read, added, expired.

Source: product.md sections 7 and 8.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, and_, func, or_, select, true, update

from engine.contracts import DEFAULT_PRIORITY, Contract, Grant, Limits, Unit, Window, grant_window
from engine.ledger import LedgerTransaction, move
from engine.rulebook import scope_of
from workflows.core.transaction import Transaction
from workflows.ledger.journal import EntryPerGrant, record, record_per_grant
from workflows.lifecycle.contracts.sold_items import add_sold_item
from workflows.store import tables as t
from workflows.store.column_types import Instant
from workflows.store.compiled_statements import Prepared, Row
from workflows.store.id_lists import among, id_list
from workflows.store.ids import new_id

Entry = TypeVar("Entry", LedgerTransaction, EntryPerGrant)


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A grant with its stored balances (whole units) and the half-open span in which it can be drawn."""

    grant: Grant
    consumed: int
    expired: int
    opens_at: datetime
    closes_at: datetime | None
    expiry_posted: bool
    kind: str
    reason: str | None
    scope: Any = None
    """As it is stored; `grant.scope` is the same to be asked."""
    rest_of: str | None = None
    """The grant of the month whose rest it keeps, by id."""

    @property
    def window(self) -> Window:
        """The span in which it can be drawn; empty where it opens and closes at the same instant."""
        return Window(self.opens_at, self.closes_at)

    @property
    def purchased(self) -> int:
        """What was granted, less what was withdrawn, and what has expired."""
        return self.grant.available + self.grant.held + self.consumed

    def drawable(self, given_back: int = 0) -> Grant:
        """The grant with all that work from inside its span can still draw, including what expired unused.

        `given_back`, in its unit, is what it has once the work that is planned again gives it back.
        """
        more = given_back + (self.expired if self.expiry_posted else 0)
        return replace(self.grant, available=self.grant.available + more) if more else self.grant


_BALANCE = [column for column in t.grant_balance.c if column.name not in t.contract_grant.c]
_GRANTS = {
    is_sqlite: Prepared(
        select(t.contract_grant, *_BALANCE)
        .join(t.grant_balance, t.grant_balance.c.grant_id == t.contract_grant.c.id)
        .where(among(t.contract_grant.c.contract_id, "contracts", is_sqlite=is_sqlite))
        .order_by(t.contract_grant.c.id)
    )
    for is_sqlite in (True, False)
}


def read_grants(tx: Transaction, contract_id: str) -> list[StoredGrant]:
    """The grants of a contract with their stored balances, oldest first."""
    return grants_by_contract(tx, [contract_id]).get(contract_id, [])


def grants_by_contract(tx: Transaction, contract_ids: Iterable[str]) -> dict[str, list[StoredGrant]]:
    """The grants of several contracts by contract id, read by one statement."""
    found: dict[str, list[StoredGrant]] = {}
    wanted = {"contracts": id_list(list(contract_ids), is_sqlite=tx.is_sqlite)}
    for row in _GRANTS[tx.is_sqlite].all(tx.connection, wanted):
        found.setdefault(row.contract_id, []).append(stored_grant(row))
    return found


def stored_grant(row: Row) -> StoredGrant:
    """The grant of a row of both its tables."""
    grant = Grant(
        id=row.id,
        contract_id=row.contract_id,
        unit=row.unit,
        quantity=row.quantity,
        effective_at=row.effective_at,
        expires_at=row.expires_at,
        available=row.available,
        held=row.held,
        currency=row.currency,
        priority=row.priority,
        scope=scope_of(row.scope) if row.scope is not None else None,
    )
    return StoredGrant(
        grant,
        row.consumed,
        row.expired,
        row.opens_at,
        row.closes_at,
        row.expiry_posted,
        row.kind,
        row.reason,
        row.scope,
        row.rest_of_id,
    )


def limits_at(grants: Sequence[StoredGrant], at: datetime) -> Limits:
    """What can still be drawn at `at`, by the stored balances."""
    minutes = sum(
        one.grant.available for one in grants if one.grant.unit == "minutes" and one.window.contains(at)
    )
    incidents = sum(
        one.grant.available for one in grants if one.grant.unit == "incidents" and one.window.contains(at)
    )
    held = sum(one.grant.held for one in grants if one.grant.unit == "incidents")
    money = sum(
        one.grant.available for one in grants if one.grant.unit == "money" and one.window.contains(at)
    )
    return Limits(minutes, incidents, held, money)


class OpenTotals(NamedTuple):
    """What the grants that are open at an instant held or drew in all, and have left, in their unit."""

    purchased: int = 0
    available: int = 0


def open_totals(grants: Sequence[StoredGrant], at: datetime) -> OpenTotals:
    """The totals of those grants that are open at `at`; a contract's grants all have one unit."""
    open_grants = [one for one in grants if one.window.contains(at)]
    return OpenTotals(
        sum(one.purchased for one in open_grants), sum(one.grant.available for one in open_grants)
    )


def add_grant(
    tx: Transaction,
    contract: Contract,
    *,
    unit: Unit,
    quantity: int,
    kind: str,
    currency: str | None = None,
    effective_at: datetime | None = None,
    expires_at: datetime | None = None,
    price_minor: int | None = None,
    reason: str | None = None,
    priority: int = DEFAULT_PRIORITY,
    scope: Any = None,
    rest_of: str | None = None,
    is_sold: bool = True,
) -> str:
    """Add a grant and post it. Returns the id of the grant. A top-up is sold with it, unless it was before.

    `quantity` is in whole minutes, incidents or minor units of `currency`; of a grant that keeps the rest of
    another one, it is only the most that it may get. A grant without an `effective_at` of its own opens with
    the contract and counts as purchased from the sale on. `scope` has been checked.
    """
    grant_id = new_id()
    tx.add(
        t.contract_grant,
        id=grant_id,
        contract_id=contract.id,
        unit=unit,
        currency=currency,
        quantity=quantity,
        effective_at=effective_at,
        expires_at=expires_at,
        kind=kind,
        price_minor=price_minor,
        reason=reason,
        created_at=tx.now,
        created_by=tx.actor.name,
        priority=priority,
        scope=scope,
        rest_of_id=rest_of,
    )
    if kind == "top_up" and is_sold:
        add_sold_item(
            tx,
            "top_up",
            contract.id,
            contract.holder,
            price_minor,
            currency or tx.settings.currency,
            grant_id=grant_id,
        )
    opens_at, closes_at = _grant_span(effective_at, expires_at, contract)
    tx.add(
        t.grant_balance,
        grant_id=grant_id,
        contract_id=contract.id,
        unit=unit,
        currency=currency,
        available=0,
        opens_at=opens_at,
        closes_at=closes_at,
        priority=priority,
    )
    if rest_of is not None:
        return grant_id
    record(
        tx,
        LedgerTransaction(
            "grant",
            effective_at or min(contract.starts_at, tx.now),
            move(currency or unit, quantity, (grant_id, "sold"), (grant_id, "available")),
            cause=f"contract:{contract.id}",
            why=reason
            or {"sold": "Sold with the contract", "top_up": "Topped up"}.get(kind, kind.capitalize()),
            key=f"grant:{grant_id}",
        ),
        contract_id=contract.id,
    )
    return grant_id


def update_grant_spans(tx: Transaction, contract: Contract) -> None:
    """Recompute the spans of the grants after the dates of their contract have changed."""
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
    """Post what is left in the contract's grants that have closed by `at` as expired, as of their closing.

    `for_good` is for a contract that is cancelled: its grants that have not opened yet expire too, and a
    month's allocation expires at the instant at which it would have been granted. `grants` are the
    contract's, where they have been read. Returns the grants as they are afterwards.
    """
    after = list(grants) if grants is not None else read_grants(tx, contract_id)
    for place, one in enumerate(after):
        if for_good and one.closes_at is not None and one.closes_at == one.opens_at > at:
            left_over = [(max(at, one.grant.effective_at or at), one.grant.available)]
        elif not one.window.is_over(at):
            continue
        else:
            left_over = _left_over(tx, one, at)
        for expired_at, amount in left_over:
            if not amount:
                continue
            entry = _expiry(
                LedgerTransaction,
                contract_id=contract_id,
                grant_id=one.grant.id,
                unit=one.grant.posting_unit,
                amount=amount,
                expired_at=expired_at,
            )
            record(tx, entry, contract_id=contract_id)
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


def reopen_grants(tx: Transaction, contract_id: str, at: datetime) -> None:
    """Make available again, as of `at`, what had expired of grants that a later end reopens."""
    for one in read_grants(tx, contract_id):
        if not one.expiry_posted or one.window.is_over(at):
            continue
        if one.expired:
            unit, grant_id = one.grant.posting_unit, one.grant.id
            restored = move(unit, one.expired, (grant_id, "expired"), (grant_id, "available"))
            why = "The end of the contract was moved"
            entry = LedgerTransaction("restore", at, restored, cause=f"contract:{contract_id}", why=why)
            record(tx, entry, contract_id=contract_id)
        tx.connection.execute(
            update(t.grant_balance)
            .where(t.grant_balance.c.grant_id == one.grant.id)
            .values(expiry_posted=False)
        )


def expire_grants_of(tx: Transaction, contracts: ColumnElement[bool], at: datetime) -> None:
    """`expire_grants` for many contracts by a few statements; `contracts` is a condition on `grant_balance`.

    All that is left is posted as of the closing of its grant. Nothing can have been given back to a grant
    after its closing: whatever does that calls `sync_contract_state` in the same transaction.
    """
    b = t.grant_balance.c
    entry = _expiry(
        EntryPerGrant,
        contract_id=b.contract_id,
        grant_id=b.grant_id,
        unit=func.coalesce(b.currency, b.unit),
        amount=b.available,
        expired_at=b.closes_at,
    )
    # written so that no index serves it: SQLite would read all such grants of the desk, not the contracts'
    not_posted = b.expiry_posted.is_distinct_from(true())
    closed = and_(contracts, b.closes_at <= at, or_(b.available > 0, not_posted))
    record_per_grant(tx, entry, grants=closed, expiry_posted=True)


def _expiry(
    make: Callable[..., Entry], *, contract_id: Any, grant_id: Any, unit: Any, amount: Any, expired_at: Any
) -> Entry:
    """The ledger transaction of an expiry: of one grant, or of many with SQL expressions for values."""
    return make(
        kind="expire",
        effective_at=expired_at,
        postings=move(unit, amount, (grant_id, "available"), (grant_id, "expired")),
        cause="contract:" + contract_id,
        why="Expired unused",
    )


def _left_over(tx: Transaction, grant: StoredGrant, at: datetime) -> list[tuple[datetime, int]]:
    """What is still available of a closed grant, with the instant as of which each part expires.

    What was available when the grant closed expires then; an incident released later expires at its release.
    """
    if not grant.grant.available or grant.closes_at is None:
        return []
    closed_at = max(grant.closes_at, grant.opens_at)
    leg, adjustment = t.ledger_posting, t.ledger_adjustment
    belongs_at = func.coalesce(adjustment.c.belongs_at, leg.c.effective_at, type_=Instant())
    posted = (
        select(func.coalesce(func.sum(leg.c.amount), 0))
        .select_from(leg.outerjoin(adjustment, adjustment.c.transaction_id == leg.c.transaction_id))
        .where(leg.c.owner == grant.grant.id, leg.c.account == "available", belongs_at <= closed_at)
    )
    then = min(grant.grant.available, max(0, int(tx.connection.execute(posted).scalar_one())))
    parts = [(closed_at, then), (max(at, closed_at), grant.grant.available - then)]
    return [(instant, amount) for instant, amount in parts if amount]


def _grant_span(
    effective_at: datetime | None, expires_at: datetime | None, contract: Contract
) -> tuple[datetime, datetime | None]:
    """The part of a grant's own span that lies in its contract's, half-open.

    Where there is none, the grant opens and closes at the same instant.
    """
    grant = Grant("", contract.id, "minutes", 1, effective_at, expires_at)
    window = grant_window(grant, contract.window)
    if window is not None:
        return window.start, window.until
    opens_at = max(effective_at or contract.starts_at, contract.starts_at)
    return opens_at, opens_at
