"""Time on issued documents, by the month worked and the contract, and when it is revenue.

The journals of money and what contracts earn divide a line alike. Source: product.md section 10 (Journals).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, exists, func, select

from engine.accounting_periods import end_of_month, first_day_of
from engine.journals import RatedAmount, discounted_nets
from engine.overage import WorkedFor, net_by_work
from workflows.core.transaction import Transaction
from workflows.reports.parties import in_parts
from workflows.store import tables as t

entry, line, discount, i, s = (
    t.ledger_transaction, t.invoice_line, t.invoice_discount, t.invoice, t.sold_item,
)  # fmt: skip
charge = t.overage_charge
Effect = tuple[datetime, int]
"""When something counts (aware UTC), with 1; with -1 where it was moved away from."""


class OverageRevenue(NamedTuple):
    """Revenue of time on a document, in minor units; below zero, it is taken back.

    `sold_item` is the time that the document bills, `worked_for` whose time it is.
    """

    effective_at: datetime
    document: str
    sold_item: str
    worked_for: WorkedFor
    amount_minor: int


def overage_revenue(tx: Transaction, since: datetime, currency: str) -> Iterator[OverageRevenue]:
    """The revenue of time on documents in a currency that were issued since an instant (aware UTC).

    Revenue is never later than the document. Source: the postings of the documents.
    """
    documents = {row.id: row for row in tx.connection.execute(_documents(since, currency))}
    lines, nets = _lines_with_nets(tx, documents)
    work = work_of_lines(tx, lines, {one.id: one.issued_at for one in documents.values()})
    parts: list[OverageRevenue] = []
    for one in lines:
        document = documents[one.invoice_id]
        sign = 1 if document.kind == "invoice" else -1
        parts += [
            OverageRevenue(document.issued_at, document.id, one.item, worked_for, sign * part)
            for worked_for, part in net_by_work(nets[one.id], work.get(one.id, {})).items()
        ]
    earlier = {
        journal_key(one.document, one.worked_for.month)
        for one in parts
        if month_ends_at(tx, one.worked_for.month) <= one.effective_at
    }
    effects = _effects(tx, earlier)
    for one in parts:
        at_issue: list[Effect] = [(one.effective_at, 1)]
        for effective_at, sign in effects.get(journal_key(one.document, one.worked_for.month), at_issue):
            yield one._replace(effective_at=effective_at, amount_minor=sign * one.amount_minor)


def work_of_lines(
    tx: Transaction, lines: Iterable[Any], issued_at: Mapping[str, datetime]
) -> dict[str, dict[WorkedFor, int]]:
    """What each line (its row) charges for time, in minor units; nothing for other lines.

    Of a credit note's line, it is what the line that it takes back charges, unless it credits the very work
    that was billed too high. `issued_at` has the instant (aware UTC) of each document.
    """
    origins = {one.id: one.credits_line_id or one.id for one in lines}
    charges: dict[str, list[Row[Any]]] = {}
    for part in in_parts(origins.values()):
        rows = tx.connection.execute(
            select(charge, line.c.id.label("line_id"))
            .join(charge, charge.c.sold_item_id == line.c.sold_item_id)
            .where(line.c.id.in_(part))
        )
        for row in rows:
            charges.setdefault(row.line_id, []).append(row)
    return {
        one.id: _work(charges[origins[one.id]], issued_at[one.invoice_id], origins[one.id] != one.id)
        for one in lines
        if origins[one.id] in charges
    }


def month_ends_at(tx: Transaction, month: str) -> datetime:
    """The exclusive end (aware UTC) of a month (YYYY-MM) in the provider's time zone."""
    first_day = first_day_of(month)
    assert first_day is not None
    return end_of_month(first_day, tx.settings.zone)


def journal_key(document: str, month: str | None = None) -> str:
    """The idempotency key of a document's journal, or of its revenue of an earlier month."""
    return f"journal:{document}" if month is None else f"journal:{document}:{month}"


def _work(charges: Sequence[Row[Any]], issued_at: datetime, is_credit: bool) -> dict[WorkedFor, int]:
    billed_too_high = [one for one in charges if one.takes_back_id and one.charged_at == issued_at]
    groups = (
        billed_too_high if is_credit else [],
        # what was taken back after the issue is no part of the document
        [one for one in charges if one.charged_at <= issued_at],
        [one for one in charges if one.takes_back_id is None],
    )
    found: dict[WorkedFor, int] = {}
    for one in next((group for group in groups if sum(row.amount_minor for row in group)), ()):
        key = WorkedFor(one.month, one.contract_id)
        found[key] = found.get(key, 0) + one.amount_minor
    return found


def _documents(since: datetime, currency: str) -> Any:
    """SQL: the issued documents since an instant that bill time, or credit it."""
    origin = line.alias("origin")
    bills_time = exists(
        select(line.c.id)
        .join(origin, origin.c.id == func.coalesce(line.c.credits_line_id, line.c.id))
        .join(s, s.c.id == origin.c.sold_item_id)
        .where(line.c.invoice_id == i.c.id, s.c.kind == "overage")
    )
    return select(i.c.id, i.c.kind, i.c.issued_at).where(
        i.c.issued_at >= since, i.c.currency == currency, bills_time
    )


def _lines_with_nets(tx: Transaction, documents: Iterable[str]) -> tuple[list[Any], dict[str, int]]:
    """The lines of documents that bill time, and what each line amounts to after the document's discounts."""
    lines: list[Any] = []
    nets: dict[str, int] = {}
    origin = line.alias("origin")
    for part in in_parts(documents):
        by_document: dict[str, tuple[list[Any], list[RatedAmount]]] = {one: ([], []) for one in part}
        rows = tx.connection.execute(
            select(line, s.c.kind, s.c.id.label("item"))
            .join(origin, origin.c.id == func.coalesce(line.c.credits_line_id, line.c.id))
            .outerjoin(s, s.c.id == origin.c.sold_item_id)
            .where(line.c.invoice_id.in_(part))
            .order_by(line.c.invoice_id, line.c.position)
        )
        for row in rows:
            by_document[row.invoice_id][0].append(row)
        reductions = tx.connection.execute(
            select(discount)
            .where(discount.c.invoice_id.in_(part))
            .order_by(discount.c.position, discount.c.tax_category, discount.c.tax_percent)
        )
        for row in reductions:
            rated = RatedAmount(row.amount_minor, row.tax_category, row.tax_percent)
            by_document[row.invoice_id][1].append(rated)
        for of_document, discounts in by_document.values():
            amounts = [RatedAmount(one.net_minor, one.tax_category, one.tax_percent) for one in of_document]
            nets |= zip((one.id for one in of_document), discounted_nets(amounts, discounts), strict=True)
            lines += [one for one in of_document if one.kind == "overage"]
    return lines, nets


def _effects(tx: Transaction, keys: Iterable[str]) -> dict[str, list[Effect]]:
    """When transactions count, by their idempotency keys, as they were recorded and moved since.

    What was an adjustment moves where the period in which it belongs is opened again.
    """
    found: dict[str, list[Effect]] = {}
    wanted = {key: (key, 1) for key in keys}
    while wanted:
        moved: dict[str, tuple[str, int]] = {}
        for part in in_parts(wanted):
            rows = tx.connection.execute(
                select(entry.c.id, entry.c.idempotency_key, entry.c.effective_at).where(
                    entry.c.idempotency_key.in_(part)
                )
            )
            for row in rows:
                key, sign = wanted[row.idempotency_key]
                found.setdefault(key, []).append((row.effective_at, sign))
                if sign > 0:
                    moved |= {f"redate:to:{row.id}": (key, 1), f"redate:from:{row.id}": (key, -1)}
        wanted = moved
    return found
