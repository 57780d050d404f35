"""Journals of money: every invoice, credit note, payment and use of credit is posted with it.

They stand in the chain of who pays. What belongs in a closed accounting period, a payment received in it or
time worked in it, is posted as an adjustment, like any other transaction. Source: product.md section 10
(Journals).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import exists, func, or_, select

from engine.invoicing import divided
from engine.journals import (
    RatedAmount,
    SoldPart,
    credit_given_journal,
    credit_note_journal,
    credit_used_journal,
    discounted_nets,
    invoice_journal,
    payment_journal,
    recognition_journal,
    write_off_journal,
)
from engine.ledger import Kind, LedgerTransaction, Posting, mirrored
from engine.overage import WorkedFor, net_by_work
from engine.periods import local_date
from engine.quantities import round_half_up
from engine.recognition import MICROSECOND
from workflows.billing.invoicing.parties import party_of
from workflows.billing.invoicing.rows import discount_rows, sells_something, tax_rows
from workflows.billing.journals.overage_revenue import journal_key, month_ends_at, work_of_lines
from workflows.billing.journals.revenue import (
    deferrals,
    end_of_service,
    is_deferred,
    line_deferrals,
    releasable_minor,
)
from workflows.core.transaction import Transaction
from workflows.ledger.journal import read_transactions, record
from workflows.store import tables as t

entry, line = t.ledger_transaction, t.invoice_line
a, leg = t.payment_allocation.c, t.ledger_posting.c


class DocumentJournal(NamedTuple):
    """What is posted of an invoice or a credit note, and what of it was worked in each earlier month.

    The months are YYYY-MM, with minor units.
    """

    postings: tuple[Posting, ...]
    earlier: dict[str, int]


def document_journal(tx: Transaction, row: Any, lines: Sequence[Any]) -> DocumentJournal:
    """What is posted when an invoice or a credit note is issued now; `row` and `lines` are its rows."""
    customer = party_of(row)[1]
    parts, earlier = _parts(tx, row, lines, customer)
    codes = {tax_code(one.tax_category, one.tax_percent) for one in lines}
    if len(codes) == 1:
        taxes = {codes.pop(): row.tax_minor}
    else:
        taxes = {tax_code(one.category, one.percent): one.tax_minor for one in tax_rows(tx, row.id)}
    if row.kind == "invoice":
        postings = invoice_journal(customer, row.currency, parts, taxes)
    else:
        # all of what was revenue in an earlier month is taken back there
        of_earlier = sum(max(one.net_minor, 0) for one in parts if one.deferred and one.owner == customer)
        deferred = _deferred(tx, parts) | {customer: of_earlier}
        postings = credit_note_journal(customer, row.currency, parts, taxes, deferred=deferred)
    return DocumentJournal(postings, earlier)


def post_document(tx: Transaction, row: Any, number: str, journal: DocumentJournal) -> None:
    """Post an invoice or a credit note that is issued now; `row` is its row.

    Time that was worked in an earlier month is revenue there, and taken back there.
    """
    customer = party_of(row)[1]
    _post(tx, row.kind, journal.postings, f"invoice:{row.id}", number, key=journal_key(row.id))
    for month, net_minor in sorted(journal.earlier.items()):
        # one statement cannot move the head of a chain twice
        tx.flush_pending()
        _post(
            tx,
            "recognize",
            recognition_journal(customer, row.currency, net_minor if row.kind == "invoice" else -net_minor),
            f"invoice:{row.id}",
            f"Time of {month} on {number}",
            key=journal_key(row.id, month),
            at=month_ends_at(tx, month) - MICROSECOND,
        )


def post_payment(
    tx: Transaction,
    rows: Sequence[Any],
    payment_id: str,
    *,
    received_minor: int,
    paid_minor: int,
    discount_minor: int,
    discount_taxes: Mapping[str, int],
    effective_at: datetime,
) -> None:
    """Post a payment of invoices (`rows`), effective at an instant (aware UTC); all in minor units."""
    postings = payment_journal(
        party_of(rows[0])[1],
        rows[0].currency,
        received_minor=received_minor,
        paid_minor=paid_minor,
        discount_minor=discount_minor,
        discount_taxes=discount_taxes,
    )
    why = f"Payment for {', '.join(row.number for row in rows)}"
    _post(tx, "payment", postings, f"payment:{payment_id}", why, key=f"journal:{payment_id}", at=effective_at)


def post_payment_back(tx: Transaction, payment_id: str) -> None:
    """Post that a payment is taken back, from now on."""
    key = f"journal:{payment_id}"
    found = select(entry.c.id).where(entry.c.idempotency_key == key)
    transaction_id = tx.connection.execute(found).scalar_one()
    original = read_transactions(tx, [transaction_id])[transaction_id].entry
    _post(
        tx,
        "payment_back",
        mirrored(original.postings),
        original.cause,
        f"{original.why} was taken back",
        key=f"reverse:{transaction_id}",
        reverses=transaction_id,
    )


def post_credit_used(tx: Transaction, row: Any, amount_minor: int, allocation_id: str) -> None:
    """Post that credit of the customer settles as much of an invoice; below zero, that it no longer does."""
    postings = credit_used_journal(party_of(row)[1], row.currency, amount_minor)
    _post(
        tx,
        "credit_used",
        postings,
        f"invoice:{row.id}",
        "Credit used" if amount_minor > 0 else "Credit no longer used",
        key=f"journal:{allocation_id}",
    )


def post_credit_given(
    tx: Transaction, row: Any, note_id: str, *, credit_minor: int, discount_minor: int
) -> None:
    """Post what becomes of what was settled of an invoice (`row`) that a credit note takes back."""
    postings = credit_given_journal(
        party_of(row)[1],
        row.currency,
        credit_minor=credit_minor,
        discount_minor=discount_minor,
        discount_taxes=_taxes_of_discount(tx, row.id, discount_minor),
    )
    _post(tx, "credit_given", postings, f"invoice:{note_id}", f"What was paid of {row.number}")


def discount_taken_back(tx: Transaction, note_id: str) -> tuple[int, dict[str, int]]:
    """What a credit note took back of a discount for early payment, and the tax in it, by its rate."""
    rows = tx.connection.execute(
        select(leg.account, leg.owner, func.sum(leg.amount).label("amount"))
        .join(entry, entry.c.id == leg.transaction_id)
        .where(
            entry.c.kind == "credit_given",
            entry.c.cause == f"invoice:{note_id}",
            leg.account.in_(("discount", "tax")),
        )
        .group_by(leg.account, leg.owner)
    ).all()
    taxes = {row.owner: -int(row.amount) for row in rows if row.account == "tax"}
    return -sum(int(row.amount) for row in rows), taxes


def post_discount_given_again(
    tx: Transaction, row: Any, note_id: str, discount_minor: int, taxes: Mapping[str, int]
) -> None:
    """Post that a credit note settles an invoice (`row`) by what it took back of a discount."""
    postings = credit_given_journal(
        party_of(row)[1],
        row.currency,
        credit_minor=0,
        discount_minor=-discount_minor,
        discount_taxes={code: -tax for code, tax in taxes.items()},
    )
    why = f"Discount of {row.number} that was taken back with its payment"
    _post(tx, "credit_given", postings, f"invoice:{note_id}", why)


def post_credit_difference(tx: Transaction, row: Any, note_id: str, amount_minor: int) -> None:
    """Post what a credit note settles of an invoice (`row`) beyond its own total; below zero, what not."""
    postings = write_off_journal(party_of(row)[1], row.currency, amount_minor)
    _post(tx, "write_off", postings, f"invoice:{note_id}", f"Difference of what was credited of {row.number}")


def post_write_off(tx: Transaction, row: Any, amount_minor: int, allocation_id: str, at: datetime) -> None:
    """Post that so much of an invoice is written off, effective at an instant; below zero, taken back."""
    postings = write_off_journal(party_of(row)[1], row.currency, amount_minor)
    why = f"{row.number} written off" if amount_minor > 0 else f"Write-off of {row.number} taken back"
    _post(tx, "write_off", postings, f"invoice:{row.id}", why, key=f"journal:{allocation_id}", at=at)


def tax_code(category: str, percent: Decimal) -> str:
    """The account of a tax rate: its category and percent, as S:19."""
    return f"{category}:{percent.normalize():f}"


def _parts(
    tx: Transaction, row: Any, lines: Sequence[Any], customer: str
) -> tuple[list[SoldPart], dict[str, int]]:
    """What each line sold, net of its share of the document's discounts, and whose account it is in.

    With what of it was worked in each earlier month (YYYY-MM), in minor units.
    """
    nets = [one.net_minor for one in lines]
    if sum(nets) != row.net_minor:
        nets = discounted_nets(
            [RatedAmount(one.net_minor, one.tax_category, one.tax_percent) for one in lines],
            [
                RatedAmount(one.amount_minor, one.tax_category, one.tax_percent)
                for one in discount_rows(tx, row.id)
            ],
        )
    sold, work = _deferred_lines(tx, row, lines), dict[str, dict[WorkedFor, int]]()
    if sells_something(lines):
        sold |= _sold_items(tx, lines)
        work = work_of_lines(tx, lines, {row.id: tx.now})
    parts: list[SoldPart] = []
    earlier: dict[str, int] = {}
    for one, net in zip(lines, nets, strict=True):
        for worked_for, part in net_by_work(net, work.get(one.id, {})).items():
            if month_ends_at(tx, worked_for.month) <= tx.now:
                parts.append(SoldPart(customer, part, deferred=True))
                earlier[worked_for.month] = earlier.get(worked_for.month, 0) + part
                net -= part
        parts.append(SoldPart(sold.get(one.id) or customer, net, deferred=one.id in sold))
    return parts, earlier


def _sold_items(tx: Transaction, lines: Iterable[Any]) -> dict[str, str]:
    """What each line sold, where that is deferred; of a credit note's line by the one that it takes back."""
    origins = {one.credits_line_id or one.id: one.id for one in lines}
    rows = tx.connection.execute(
        select(line.c.id, line.c.sold_item_id)
        .join(t.sold_item, t.sold_item.c.id == line.c.sold_item_id)
        .where(line.c.id.in_(list(origins)), is_deferred())
    )
    return {origins[row.id]: row.sold_item_id for row in rows}


def _deferred_lines(tx: Transaction, row: Any, lines: Sequence[Any]) -> dict[str, str]:
    """The lines by hand that are deferred, by their ids, of a credit note by the lines that it takes back.

    Those are the ones whose days of service have not all gone by when they are issued.
    """
    if row.kind == "invoice":
        issued_on = local_date(tx.now, tx.settings.zone)
        return {
            one.id: one.id
            for one in lines
            if one.sold_item_id is None and one.service_from is not None and end_of_service(one) > issued_on
        }
    credits = {one.credits_line_id: one.id for one in lines if one.credits_line_id is not None}
    found = select(leg.owner).where(leg.owner.in_(list(credits)), leg.account == "deferred_revenue")
    return {credits[owner]: owner for owner in tx.connection.execute(found.distinct()).scalars()}


def _taxes_of_discount(tx: Transaction, invoice_id: str, discount_minor: int) -> dict[str, int]:
    """The tax in a part of what is discounted for early payment of an invoice, by the code of its rate.

    Rates have the shares that they have of the tax that was left of the invoice when it was paid.
    """
    if not discount_minor:
        return {}
    back = t.payment_allocation.alias("back").c
    given = select(a.amount_minor, a.tax_minor, a.recorded_at).where(
        a.invoice_id == invoice_id,
        a.kind == "early_payment",
        a.reverses_id.is_(None),
        ~exists().where(back.reverses_id == a.id),
    )
    rows = tx.connection.execute(given).all()
    whole = sum(row.amount_minor for row in rows)
    tax = sum(row.tax_minor or 0 for row in rows)
    share = round_half_up(Fraction(tax * discount_minor, whole)) if whole else 0
    taxes = _taxes_when_paid(tx, invoice_id, max(row.recorded_at for row in rows)) if share else {}
    return dict(zip(taxes, divided(share, list(taxes.values())), strict=True))


def _taxes_when_paid(tx: Transaction, invoice_id: str, paid_at: datetime) -> dict[str, int]:
    """The tax of an invoice less that of credit notes issued before an instant, by the code of its rate."""
    i, tax = t.invoice.c, t.invoice_tax.c
    found = (
        select(tax.category, tax.percent, tax.tax_minor, i.kind)
        .join(t.invoice, i.id == tax.invoice_id)
        .where(
            or_(i.id == invoice_id, (i.corrects_id == invoice_id) & (i.issued_at < paid_at)),
        )
        .order_by(tax.category, tax.percent)
    )
    sums: dict[str, int] = {}
    for row in tx.connection.execute(found):
        code, sign = tax_code(row.category, row.percent), -1 if row.kind == "credit_note" else 1
        sums[code] = sums.get(code, 0) + sign * row.tax_minor
    return {code: amount for code, amount in sums.items() if amount > 0}


def _deferred(tx: Transaction, parts: Iterable[SoldPart]) -> dict[str, int]:
    """What can be taken back of the sold items among some parts before revenue, in minor units."""
    sold = sorted({one.owner for one in parts if one.deferred})
    now = tx.now + MICROSECOND
    found = {one.item: one.deferred_minor for one in line_deferrals(tx, now, sold)}
    s = t.sold_item.c
    contracts = select(s.contract_id).where(s.id.in_(sold), s.contract_id.is_not(None)).distinct()
    for contract_id in tx.connection.execute(contracts).scalars().all():
        found |= releasable_minor(tx, contract_id)
    for sold_item_id in sold:
        if sold_item_id not in found:
            found |= {one.item: one.deferred_minor for one in deferrals(tx, now, sold_item_id=sold_item_id)}
    return {sold_item_id: found[sold_item_id] for sold_item_id in sold if sold_item_id in found}


def _post(
    tx: Transaction,
    kind: Kind,
    postings: tuple[Posting, ...],
    cause: str,
    why: str,
    *,
    key: str | None = None,
    reverses: str | None = None,
    at: datetime | None = None,
) -> None:
    if postings:
        record(tx, LedgerTransaction(kind, at or tx.now, postings, cause, why, key, reverses))
