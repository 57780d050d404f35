"""The files of a batch: journals as CSV, a line for each leg, or as DATEV."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, select

from engine.currencies import plain_amount
from engine.datev import DatevClient, DatevLine, datev_file, movements
from engine.ledger import ExportFormat
from engine.periods import local_date
from workflows.accounting_exports.pending import account_code, read_entries
from workflows.core.csv_text import csv_chunks
from workflows.core.transaction import Transaction
from workflows.register.holder_names import holder_names
from workflows.store import tables as t

CSV_COLUMNS = (
    "date", "transaction", "kind", "document", "name", "text", "account", "account_number", "currency",
    "debit", "credit",
)  # fmt: skip
CHUNK = 500
PARTY_ACCOUNTS = ("receivable", "cash", "customer_credit")
"""Whose owner is who pays."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A transaction as it is written: `document` is the number of an invoice, a contract or a month."""

    row: Row[Any]
    on: date
    document: str
    name: str
    legs: list[Row[Any]]


def batch_file(
    tx: Transaction, wanted: ExportFormat, ids: Sequence[str], *, from_on: date, to_on: date, number: str
) -> tuple[bytes, int]:
    """The content of a batch of ledger transactions, and how many lines it has below its header.

    Every account has a number. Raises: DatevForbids.
    """
    if wanted == "csv":
        rows = [row for one in _entries(tx, ids) for row in _csv_rows(tx, one)]
        return "".join(csv_chunks(CSV_COLUMNS, rows)).encode(), len(rows)
    settings = tx.settings
    client = DatevClient(
        settings.datev_consultant or 0,
        settings.datev_client or 0,
        settings.datev_account_length,
        settings.financial_year_begins,
    )
    lines = [line for one in _entries(tx, ids) for line in _datev_lines(tx, one)]
    content = datev_file(
        client,
        lines,
        from_on=from_on,
        to_on=to_on,
        currency=settings.currency,
        made_at=tx.now.astimezone(settings.zone),
        title=number,
    )
    return content, len(lines)


def _csv_rows(tx: Transaction, one: _Entry) -> Iterator[list[Any]]:
    for leg in one.legs:
        amount = plain_amount(abs(leg.amount), leg.unit)
        yield [
            one.on,
            one.row.id,
            one.row.kind,
            one.document,
            one.name,
            one.row.why,
            leg.account if leg.account != "tax" else f"tax {leg.owner}",
            _code(tx, leg),
            leg.unit,
            amount if leg.amount > 0 else "",
            amount if leg.amount < 0 else "",
        ]


def _datev_lines(tx: Transaction, one: _Entry) -> Iterator[DatevLine]:
    text = " ".join(part for part in (one.name, one.row.why) if part)
    for movement in movements((_code(tx, leg), leg.amount) for leg in one.legs):
        yield DatevLine(movement, one.on, one.document, text)


def _code(tx: Transaction, leg: Row[Any]) -> str:
    code = account_code(tx.settings, leg.account, leg.owner)
    assert code is not None, "unmapped accounts are refused before"
    return code


def _entries(tx: Transaction, ids: Sequence[str]) -> Iterator[_Entry]:
    """The transactions with what people know them by, some at a time."""
    for start in range(0, len(ids), CHUNK):
        rows, legs = read_entries(tx, ids[start : start + CHUNK])
        documents = _documents(tx, rows, legs)
        names = _names(tx, (leg for some in legs.values() for leg in some))
        for row in rows:
            owners = (leg.owner for leg in legs[row.id] if leg.account in PARTY_ACCOUNTS)
            yield _Entry(
                row,
                local_date(row.effective_at, tx.settings.zone),
                documents.get(row.id, ""),
                names.get(next(owners, ""), ""),
                legs[row.id],
            )


def _documents(
    tx: Transaction, rows: Sequence[Row[Any]], legs: Mapping[str, Sequence[Row[Any]]]
) -> dict[str, str]:
    """The document of each transaction: its invoice, the first one that a payment paid, or the contract.

    Revenue of a line that was written by hand has the invoice of the line.
    """
    i, a, c, line = t.invoice.c, t.payment_allocation.c, t.contract.c, t.invoice_line.c
    causes = {row.id: row.cause.partition(":") for row in rows}
    invoices = {ref for kind, _, ref in causes.values() if kind == "invoice"}
    payments = {ref for kind, _, ref in causes.values() if kind == "payment"}
    contracts = {row.contract_id for row in rows if row.contract_id is not None}
    numbers = {
        row.id: row.number for row in tx.connection.execute(select(i.id, i.number).where(i.id.in_(invoices)))
    }
    paid = tx.connection.execute(
        select(a.payment_id, i.number)
        .join(t.invoice, i.id == a.invoice_id)
        .where(a.payment_id.in_(payments))
        .order_by(i.number.desc())
    )
    numbers |= {row.payment_id: row.number for row in paid}
    of_contracts = {
        row.id: row.number for row in tx.connection.execute(select(c.id, c.number).where(c.id.in_(contracts)))
    }
    # revenue of a line by hand: who owns its legs is the line
    owners = {row.id: legs[row.id][0].owner for row in rows if row.contract_id is None}
    of_lines = {
        row.id: row.number
        for row in tx.connection.execute(
            select(line.id, i.number)
            .join(t.invoice, i.id == line.invoice_id)
            .where(line.id.in_(set(owners.values())))
        )
    }
    return {
        row.id: numbers.get(causes[row.id][2])
        or of_contracts.get(row.contract_id)
        or of_lines.get(owners.get(row.id, ""), "")
        for row in rows
    }


def _names(tx: Transaction, legs: Iterable[Row[Any]]) -> dict[str, str]:
    owners = {leg.owner for leg in legs if leg.account in PARTY_ACCOUNTS}
    found = holder_names(tx, {(kind, one) for kind in ("customer", "org_unit") for one in owners})
    return {owner: name for (_, owner), name in found.items()}
