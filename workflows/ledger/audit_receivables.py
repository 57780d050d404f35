"""The part of the audit that compares money: what is open of invoices and credit with what is posted."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Table, func, select, union_all

from workflows.core.transaction import Transaction
from workflows.ledger.differences import Difference
from workflows.store import tables as t

i, credit, leg, entry = t.invoice, t.customer_credit, t.ledger_posting, t.ledger_transaction


def audit_receivables(tx: Transaction) -> Iterator[Difference]:
    """Check that customers owe what is open of their invoices, and have what is open of their credit.

    Each issued invoice of more than nothing has its journal, and each payment.
    """
    yield from _by_party(
        tx, "receivable", "open amount of invoices", i, i.c.open_minor, i.c.number.is_not(None), 1
    )
    yield from _by_party(tx, "customer_credit", "open customer credit", credit, credit.c.open_minor, None, -1)
    yield from _without_journal(tx)


def _by_party(
    tx: Transaction,
    account: str,
    what: str,
    table: Table,
    amount: ColumnElement[int],
    where: ColumnElement[bool] | None,
    sign: int,
) -> Iterator[Difference]:
    """Compare the sums by who pays and currency: `sign` is 1 for what is in debit, -1 for credit."""
    party = func.coalesce(table.c.customer_id, table.c.org_unit_id)
    stored = select(
        party.label("party"),
        table.c.currency.label("unit"),
        (amount * sign).label("stored"),
        (amount * 0).label("posted"),
    )
    if where is not None:
        stored = stored.where(where)
    posted = select(leg.c.owner, leg.c.unit, leg.c.amount * 0, leg.c.amount).where(leg.c.account == account)
    both = union_all(stored, posted).subquery()
    rows = tx.connection.execute(
        select(
            both.c.party,
            func.sum(both.c.stored).label("stored"),
            func.sum(both.c.posted).label("posted"),
        )
        .group_by(both.c.party, both.c.unit)
        .having(func.sum(both.c.stored) != func.sum(both.c.posted))
        .order_by(both.c.party, both.c.unit)
    )
    for row in rows:
        yield Difference(what, row.party, sign * int(row.stored), sign * int(row.posted))


def _without_journal(tx: Transaction) -> Iterator[Difference]:
    for what, table, where in (
        ("invoice without a journal", i, (i.c.number.is_not(None)) & (i.c.total_minor > 0)),
        ("payment without a journal", t.payment, t.payment.c.amount_minor > 0),
    ):
        journal = select(entry.c.id).where(entry.c.idempotency_key == "journal:" + table.c.id)
        for record_id in tx.connection.execute(select(table.c.id).where(where, ~journal.exists())).scalars():
            yield Difference(what, record_id, None, None)
