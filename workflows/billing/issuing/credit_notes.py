"""Credit notes: an issued invoice is corrected wholly, in part, or by line. Source: product.md section 10.

A credit note has the tax of what it takes back, and its share of the document's discounts, by rate. It
settles what is open of the invoice; what was paid before becomes credit of the customer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row, func, select, update

from engine.invoicing import DiscountTerms, TaxRate, line_amounts
from engine.payments import PayableInvoice, plan_credit_note
from engine.quantities import round_half_up
from workflows.billing.invoicing.actions import ISSUERS
from workflows.billing.invoicing.draft_parts import (
    DraftLine,
    checked_totals,
    minor_in,
    totals_columns,
    write_parts,
)
from workflows.billing.invoicing.parties import lock_party, party_of
from workflows.billing.invoicing.rows import (
    discount_rows,
    discounts_of,
    line_rows,
    lines_of,
    locked_invoice,
    party_row,
)
from workflows.billing.issuing.notices import notify_credited
from workflows.billing.issuing.use_cases import finish_issue
from workflows.billing.journals.allocations import allocate, settled_by
from workflows.billing.journals.credit import add_credit, credits_of_invoice
from workflows.billing.journals.posting import post_credit_difference, post_credit_given
from workflows.commands.billing import CreditInvoice, CreditLineGiven
from workflows.core.errors import StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.languages.formats import money_text
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.sold_items import party_columns
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id

i, line = t.invoice, t.invoice_line


@dataclass(frozen=True, slots=True)
class _Credited:
    """What of a line is credited now, and what was before, in minor units of its net."""

    row: Row[Any]
    line: DraftLine
    net_minor: int
    before_minor: int


def credit_invoice(tx: Transaction, invoice_id: str, command: CreditInvoice) -> str:
    """Issue a credit note for an issued invoice; returns its id.

    Without lines it takes back all that has not been credited yet.
    Raises:
        NotAllowed: the actor is neither finance nor an administrator.
        NotFound: there is no such invoice.
        StateForbids: it is no issued invoice, or nothing is left to be credited.
        InvalidInput: a line is not of this invoice, is named twice, or has less left than is to be credited.
    """
    tx.require(*ISSUERS)
    return credit_issued(tx, invoice_id, command)


def credit_issued(tx: Transaction, invoice_id: str, command: CreditInvoice) -> str:
    """The same for a decision that another use case has allowed. Raises: as above, but NotAllowed."""
    lock_party(tx, *party_of(party_row(tx, invoice_id)))
    row = locked_invoice(tx, invoice_id)
    if row.kind != "invoice" or row.state != "issued":
        raise StateForbids(
            gettext(
                "%(number)s cannot be credited: it is %(standing)s.",
                number=row.number or gettext("A draft"),
                standing=_standing(row),
            ),
            remedy=gettext("Change or void a draft instead.") if row.state == "draft" else "",
            state=row.state,
        )
    if row.written_off_minor:
        raise StateForbids(
            gettext(
                "%(number)s cannot be credited: %(amount)s of it is written off.",
                number=row.number,
                amount=money_text(row.written_off_minor, row.currency),
            ),
            remedy=gettext("Reverse the write-off first."),
            state=row.state,
        )
    return write_credit_note(tx, row, command)


def write_credit_note(
    tx: Transaction,
    row: Row[Any],
    command: CreditInvoice,
    *,
    service_from: Mapping[str, date] = MappingProxyType({}),
    may_sell_again: bool = True,
    voids: bool = False,
) -> str:
    """Write and issue the credit note of a locked invoice whose customer is locked. Returns its id.

    The customer gets a mail that it was issued, or that it `voids` the invoice.
    `service_from` is the first day of service that is credited of a line, by the line's id. What a line sold
    can be invoiced again where it is wholly credited, unless `may_sell_again` is false.
    Raises: as above.
    """
    notes = notes_of(tx, row.id)
    credited = _credited_lines(tx, row, command.lines, notes)
    if not credited:
        raise StateForbids(
            gettext("Nothing of %(number)s is left to be credited.", number=row.number),
            remedy="",
            state=row.state,
            number=row.number,
        )
    is_whole = not notes and command.lines is None
    if is_whole:
        sources = line_rows(tx, row.id)
        lines = [
            replace(one, sold_item_id=None, credits_line_id=source.id)
            for one, source in zip(lines_of(tx, row.id), sources, strict=True)
        ]
        discounts = discounts_of(tx, row.id)
    else:
        lines = [
            replace(one.line, service_from=service_from.get(one.row.id, one.line.service_from))
            for one in credited
        ]
        discounts = _discounts(tx, row, credited, notes)
    totals = checked_totals(lines, discounts)
    note_id = new_id()
    tx.add(
        i,
        id=note_id,
        kind="credit_note",
        state="draft",
        **party_columns(*party_of(row)),
        currency=row.currency,
        order_number=row.order_number,
        buyer_reference=row.buyer_reference,
        language=row.language,
        **totals_columns(totals) | {"open_minor": 0},
        corrects_id=row.id,
        reason=command.reason,
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    write_parts(tx, note_id, lines, totals)
    is_rest = is_whole or _is_rest(tx, row, credited, notes)
    _settle(tx, row, note_id, totals.total_minor, notes, is_rest=is_rest)
    tx.audit("invoice", row.id, "credited", credit_note=note_id, reason=command.reason)
    note = locked_invoice(tx, note_id)
    finish_issue(tx, note, line_rows(tx, note_id), seller=row.seller, buyer=row.buyer)
    # after the journal, which takes back what is deferred of what is on an invoice
    if row.delivered_at is None and may_sell_again:
        _release_sold(tx, row, credited)
    notify_credited(tx, row, note_id, voids=voids)
    return note_id


def _settle(
    tx: Transaction, row: Row[Any], note_id: str, total_minor: int, notes: Sequence[str], *, is_rest: bool
) -> None:
    """Take a credit note off what is open; what was paid becomes credit, and never more than that.

    What the notes of an invoice sum to beyond it, or below it once all of it is credited, is written off.
    """
    settled = settled_by(tx, row.id)
    plan = plan_credit_note(
        total_minor,
        PayableInvoice(row.id, row.open_minor, row.issued_on),
        left_minor=max(row.total_minor - _total_of(tx, notes), 0),
        is_rest=is_rest,
        paid_minor=settled.get("payment", 0) + settled.get("credit", 0) - credits_of_invoice(tx, notes),
        discount_minor=settled.get("early_payment", 0),
    )
    if plan.taken_minor:
        allocate(tx, row.id, "credit_note", plan.taken_minor, credit_note_id=note_id)
        tx.change(i, row.id, open_minor=row.open_minor - plan.taken_minor, version=next_version(i))
    post_credit_given(tx, row, note_id, credit_minor=plan.credit_minor, discount_minor=plan.discount_minor)
    post_credit_difference(tx, row, note_id, plan.difference_minor)
    if plan.credit_minor:
        add_credit(tx, party_of(row), row.currency, plan.credit_minor, tx.now, credit_note_id=note_id)


def _is_rest(tx: Transaction, row: Row[Any], credited: Sequence[_Credited], notes: Sequence[str]) -> bool:
    """Whether nothing of an invoice is left to be credited after this."""
    now_minor = sum(one.net_minor for one in credited)
    before_minor = sum(credited_before(tx, notes).values())
    return bool(now_minor + before_minor == sum(one.net_minor for one in line_rows(tx, row.id)))


def _total_of(tx: Transaction, notes: Sequence[str]) -> int:
    """The totals of some credit notes."""
    found = select(func.coalesce(func.sum(i.c.total_minor), 0)).where(i.c.id.in_(notes))
    return int(tx.connection.execute(found).scalar_one()) if notes else 0


def _release_sold(tx: Transaction, row: Row[Any], credited: Sequence[_Credited]) -> None:
    """Let what a wholly credited line sold be invoiced again, while it has not been delivered.

    Work is billed once: what was credited of it stays so.
    """
    s = t.sold_item
    sold = [
        one.row.sold_item_id
        for one in credited
        if one.row.sold_item_id is not None and one.before_minor + one.net_minor >= one.row.net_minor
    ]
    if sold:
        tx.connection.execute(
            update(s)
            .where(s.c.id.in_(sold), s.c.invoice_id == row.id, s.c.kind != "overage")
            .values(invoice_id=None, released_at=tx.now)
        )


def _credited_lines(
    tx: Transaction, row: Row[Any], given: Sequence[CreditLineGiven] | None, notes: Sequence[str]
) -> list[_Credited]:
    """What is credited of each line: what is left of all, or what is named. Raises: InvalidInput."""
    before = credited_before(tx, notes)
    rows = {one.id: one for one in line_rows(tx, row.id)}
    if given is None:
        return [
            _of_amount(one, one.net_minor - before.get(one.id, 0), before.get(one.id, 0))
            for one in rows.values()
            if one.net_minor > before.get(one.id, 0)
        ]
    found: dict[str, _Credited] = {}
    for position, wanted in enumerate(given):
        pointer = f"/lines/{position}"
        source = rows.get(wanted.line)
        if source is None or wanted.line in found:
            raise invalid(
                f"{pointer}/line",
                gettext("The line is not of this invoice.")
                if source is None
                else gettext("The line is named twice."),
                gettext("Name each line of the invoice once."),
            )
        done = before.get(source.id, 0)
        one = _of_line(row.currency, source, wanted, done, pointer)
        if one.net_minor <= 0 or one.net_minor > source.net_minor - done:
            raise invalid(
                pointer,
                gettext(
                    "%(amount)s of this line is left to be credited.",
                    amount=money_text(source.net_minor - done, row.currency),
                ),
                gettext("Credit at most that."),
            )
        found[source.id] = one
    return list(found.values())


def _of_line(
    currency: str, source: Row[Any], wanted: CreditLineGiven, before_minor: int, pointer: str
) -> _Credited:
    if wanted.amount is not None:
        return _of_amount(source, minor_in(currency, wanted.amount, f"{pointer}/amount"), before_minor)
    quantity = Decimal(wanted.quantity) if wanted.quantity is not None else source.quantity
    if quantity > source.quantity:
        raise invalid(
            f"{pointer}/quantity",
            gettext("The line has %(quantity)s of it.", quantity=source.quantity),
            gettext("Credit at most that."),
        )
    if wanted.quantity is None and before_minor:
        return _of_amount(source, source.net_minor - before_minor, before_minor)
    terms = _line(source, quantity, source.unit_price_minor)
    if source.discount_percent is None and source.discount_minor:
        share = Fraction(quantity) / Fraction(source.quantity)
        terms = replace(terms, discount_minor=round_half_up(source.discount_minor * share))
    else:
        terms = replace(terms, discount_percent=source.discount_percent)
    return _Credited(source, terms, line_amounts(terms.terms).net_minor, before_minor)


def _of_amount(source: Row[Any], net_minor: int, before_minor: int) -> _Credited:
    """An amount of a line, as one piece."""
    if before_minor == 0 and net_minor == source.net_minor and source.discount_minor == 0:
        terms = _line(source, source.quantity, source.unit_price_minor)
    else:
        terms = replace(_line(source, Decimal(1), net_minor), unit="C62")
    return _Credited(source, terms, net_minor, before_minor)


def _line(source: Row[Any], quantity: Decimal, unit_price_minor: int) -> DraftLine:
    return DraftLine(
        description=source.description,
        quantity=quantity,
        unit_price_minor=unit_price_minor,
        tax_name=source.tax_name,
        tax=TaxRate(source.tax_category, source.tax_percent, source.tax_reason),
        unit=source.unit,
        service_from=source.service_from,
        service_to=source.service_to,
        credits_line_id=source.id,
    )


def _discounts(
    tx: Transaction, row: Row[Any], credited: Sequence[_Credited], notes: Sequence[str]
) -> list[DiscountTerms]:
    """The share of the document's discounts by rate, rounded cumulatively: all shares sum to the whole."""
    nets: dict[tuple[str, Decimal], int] = {}
    for one in line_rows(tx, row.id):
        key = (one.tax_category, one.tax_percent)
        nets[key] = nets.get(key, 0) + one.net_minor
    before: dict[tuple[str, Decimal], int] = {}
    for one in _lines_of_notes(tx, notes):
        key = (one.tax_category, one.tax_percent)
        before[key] = before.get(key, 0) + one.net_minor
    now: dict[tuple[str, Decimal], tuple[TaxRate, int]] = {}
    for part in credited:
        key = (part.row.tax_category, part.row.tax_percent)
        now[key] = (part.line.tax, now.get(key, (None, 0))[1] + part.net_minor)
    found = []
    for one in discount_rows(tx, row.id):
        key = (one.tax_category, one.tax_percent)
        if key not in now or not nets[key]:
            continue
        done = before.get(key, 0)
        ends = [
            round_half_up(Fraction(one.amount_minor * credited_minor, nets[key]))
            for credited_minor in (done, done + now[key][1])
        ]
        if ends[1] > ends[0]:
            found.append(DiscountTerms(one.reason, None, ends[1] - ends[0], now[key][0]))
    return found


def notes_of(tx: Transaction, invoice_id: str) -> list[str]:
    """The ids of the credit notes of an invoice."""
    found = select(i.c.id).where(i.c.corrects_id == invoice_id, i.c.state == "issued")
    return list(tx.connection.execute(found).scalars())


def _lines_of_notes(tx: Transaction, notes: Sequence[str]) -> list[Row[Any]]:
    return list(tx.connection.execute(select(line).where(line.c.invoice_id.in_(notes)))) if notes else []


def credited_before(tx: Transaction, notes: Sequence[str]) -> dict[str, int]:
    """How much of each line's net has been credited, by the id of the line."""
    sums: dict[str, int] = {}
    for one in _lines_of_notes(tx, notes):
        sums[one.credits_line_id] = sums.get(one.credits_line_id, 0) + one.net_minor
    return sums


def _standing(row: Row[Any]) -> str:
    return gettext("a credit note") if row.kind == "credit_note" else word(row.state)
