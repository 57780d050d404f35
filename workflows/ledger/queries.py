"""Queries on the ledger: transactions with their legs.

Source: product.md section 8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, exists, select

from engine.periods import first_instant_of
from workflows.core.actors import OFFICE
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, Page

entry, leg, adjustment = t.ledger_transaction, t.ledger_posting, t.ledger_adjustment
ORDERS = {"recorded_at": Sort(entry.c.recorded_at), "effective_at": Sort(entry.c.effective_at)}


@dataclass(frozen=True, slots=True)
class PostingView:
    """One leg: `amount` added to an owner's account.

    `unit` is minutes, incidents, or the currency of money, whose amounts are in its minor unit.
    """

    owner: str
    account: str
    unit: str
    amount: int


@dataclass(frozen=True, slots=True)
class LedgerTransactionView:
    """A ledger transaction: immutable, effective at one instant, its legs sum to zero per unit.

    `chain` is the id of the contract, else of the customer, in whose chain it has the number `sequence`;
    `hash` is hexadecimal, over its content and the hash before. `belongs_at` is set for an adjustment: the
    instant in a closed accounting period at which it would be effective if that were open. `job` is the job
    that recorded it; null where a person's call did, and of what is older than this field.
    """

    id: str
    kind: str
    effective_at: datetime
    recorded_at: datetime
    cause: str
    actor: str
    why: str
    reverses: str | None
    contract: str | None
    contract_number: str | None
    service_request: str | None
    service_request_number: str | None
    chain: str
    sequence: int
    hash: str
    postings: list[PostingView]
    belongs_at: datetime | None = None
    job: str | None = None


def list_ledger_transactions(
    tx: Transaction,
    *,
    kind: str | None = None,
    contract: str | None = None,
    service_request: str | None = None,
    cause: str | None = None,
    account: str | None = None,
    from_: date | None = None,
    to: date | None = None,
    adjustments_of: tuple[datetime | None, datetime] | None = None,
    order: str = "-recorded_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[LedgerTransactionView]:
    """A page of ledger transactions with their legs, for the roles that may read the ledger.

    `account` finds those with a posting to it, `from_` and `to` (inclusive days in the provider's time zone)
    those that are effective on these days.
    `adjustments_of` finds what belongs in a half-open span of instants, without a start: before its end, and
    was recorded after its period had been closed.
    Raises: NotAllowed; InvalidInput for an unknown order or cursor.
    """
    tx.require(*OFFICE)
    statement = select(entry, adjustment.c.belongs_at).select_from(entry.outerjoin(adjustment))
    if adjustments_of is not None:
        since, until = adjustments_of
        statement = statement.where(adjustment.c.belongs_at < until)
        if since is not None:
            statement = statement.where(adjustment.c.belongs_at >= since)
    zone = tx.settings.zone
    if account is not None:
        posted = exists().where(leg.c.transaction_id == entry.c.id, leg.c.account == account)
        statement = statement.where(posted)
    if from_ is not None:
        statement = statement.where(entry.c.effective_at >= first_instant_of(from_, zone))
    if to is not None:
        statement = statement.where(entry.c.effective_at < first_instant_of(to + timedelta(days=1), zone))
    for column, value in (
        (entry.c.kind, kind),
        (entry.c.contract_id, contract),
        (entry.c.service_request_id, service_request),
        (entry.c.cause, cause),
    ):
        if value is not None:
            statement = statement.where(column == value)
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders=ORDERS,
        by_id=entry.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    legs = _legs(tx, [row.id for row in page.items])
    numbers = _numbers(tx, page.items)
    return page.with_items([_view(row, legs.get(row.id, []), numbers) for row in page.items])


def _legs(tx: Transaction, ids: list[str]) -> dict[str, list[PostingView]]:
    found: dict[str, list[PostingView]] = {}
    if ids:
        rows = tx.connection.execute(
            select(leg).where(leg.c.transaction_id.in_(ids)).order_by(leg.c.transaction_id, leg.c.leg)
        )
        for row in rows:
            found.setdefault(row.transaction_id, []).append(
                PostingView(row.owner, row.account, row.unit, row.amount)
            )
    return found


def _numbers(tx: Transaction, rows: Sequence[Row[Any]]) -> dict[str | None, str]:
    """The numbers of the contracts and service requests of ledger transactions, by their ids."""
    found: dict[str | None, str] = {}
    for table, column in ((t.contract, entry.c.contract_id), (t.service_request, entry.c.service_request_id)):
        ids = {row._mapping[column] for row in rows} - {None}
        if ids:
            named = select(table.c.id, table.c.number).where(table.c.id.in_(ids))
            found.update((one.id, one.number) for one in tx.connection.execute(named))
    return found


def _view(
    row: Row[Any], postings: list[PostingView], numbers: Mapping[str | None, str]
) -> LedgerTransactionView:
    return LedgerTransactionView(
        id=row.id,
        kind=row.kind,
        effective_at=row.effective_at,
        recorded_at=row.recorded_at,
        cause=row.cause,
        actor=row.actor,
        why=row.why,
        reverses=row.reverses_id,
        contract=row.contract_id,
        contract_number=numbers.get(row.contract_id),
        service_request=row.service_request_id,
        service_request_number=numbers.get(row.service_request_id),
        chain=row.chain_id,
        sequence=row.sequence,
        hash=row.hash.hex(),
        postings=postings,
        belongs_at=row.belongs_at,
        job=row.job,
    )
