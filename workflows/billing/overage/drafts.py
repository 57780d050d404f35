"""Time to be billed gathers into the drafts of who pays: one for each customer or org unit and month.

Each piece of work is charged once, ever (`store.tables.overage`). What changes afterwards becomes a
difference: of the line, while its draft is not issued; of the next draft, once it is. Locks are taken in one
order: who pays, then the drafts. Source: product.md sections 7 (Bill) and 10.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from engine.accounting_periods import end_of_month, first_day_of, month_of
from engine.overage import Gathering, OverageCharge, OverageLine, gather
from engine.periods import local_date
from workflows.billing.invoicing.draft_parts import DraftLine
from workflows.billing.invoicing.drafts import add_draft, draft_language, require_invoicing, rewrite_lines
from workflows.billing.invoicing.parties import checked_party, lock_party, party_of
from workflows.billing.invoicing.rows import lines_of, locked_invoice
from workflows.billing.issuing.voiding import void_invoice
from workflows.billing.overage.reading import (
    NOTHING_LEFT,
    Party,
    Uncharged,
    is_paid_by,
    read_uncharged,
    unissued_items,
)
from workflows.billing.sold.overage_lines import OverageText, overage_texts
from workflows.commands.billing import DraftOverage, VoidInvoice
from workflows.core.actors import OFFICE
from workflows.core.errors import StateForbids, invalid
from workflows.core.settings import TaxRateSetting
from workflows.core.tax_rates import named_tax_rate
from workflows.core.transaction import Transaction
from workflows.languages.texts import SOURCE, Language, gettext, known_language
from workflows.lifecycle.contracts.sold_items import party_columns
from workflows.store import tables as t
from workflows.store.ids import new_id

i, s, item, charge = t.invoice, t.sold_item, t.overage_item, t.overage_charge


def draft_overage(tx: Transaction, command: DraftOverage) -> str:
    """Bill the time of one who pays that was worked by the end of a month, the last one that is over unless
    another is given. Returns the id of the draft of that month, which it writes or extends.

    Raises:
        NotAllowed: the actor is no administrator, supervisor or finance.
        StateForbids: invoices are off, or no time is to be billed.
        InvalidInput: the customer, the month or the tax rate does not exist.
    """
    tx.require(*OFFICE)
    require_invoicing(tx)
    party = checked_party(tx, command.customer, command.org_unit)
    first_day = first_day_of(command.month or last_month(tx))
    if first_day is None:
        raise invalid(
            "/month",
            gettext("%(month)s is not a month.", month=command.month),
            gettext("Write for example 2026-03."),
        )
    before = end_of_month(first_day, tx.settings.zone)
    rate = named_tax_rate(tx, command.tax_rate, "/tax_rate") if command.tax_rate is not None else None
    drafts = gather_overage(tx, party, month_of(first_day), before=before, rate=rate)
    if not drafts:
        raise StateForbids(
            gettext(
                "No time worked by the end of %(month)s is to be billed to this customer.",
                month=month_of(first_day),
            ),
            remedy=gettext("Look at the list of time to bill."),
            state="invoiced",
        )
    return drafts[-1]


def last_month(tx: Transaction) -> str:
    """The last month (YYYY-MM) that is over, in the provider's time zone."""
    first_day = local_date(tx.now, tx.settings.zone).replace(day=1)
    return month_of((first_day - first_day.resolution).replace(day=1))


def overage_due(tx: Transaction, at: datetime | None = None) -> list[tuple[datetime, Party]]:
    """Who has time to be billed that is due by an instant (aware UTC) or ever, with each instant, in order.

    What is only taken back, and fits on no line, is due with what comes after it.
    """
    if not tx.settings.invoicing:
        return []
    charges: dict[Party, dict[datetime, list[OverageCharge]]] = {}
    for one in read_uncharged(tx, before=at, with_waived=True):
        if one.charge is not None and (at is None or one.due_at <= at):
            charges.setdefault(one.party, {}).setdefault(one.due_at, []).append(one.charge)
    unissued: dict[Party, dict[OverageLine, int]] = {}
    for line, row in unissued_items(tx).items() if charges else ():
        unissued.setdefault(party_of(row), {})[line] = row.amount_minor
    due: list[tuple[datetime, Party]] = []
    for party, by_instant in charges.items():
        waiting: list[OverageCharge] = []
        for due_at in sorted(by_instant):
            waiting += by_instant[due_at]
            if not gather(waiting, unissued.get(party, {})).is_empty:
                due.append((due_at, party))
                waiting = []
    return sorted(due)


def gather_due(tx: Transaction, party: Party, due_at: datetime) -> list[str]:
    """Bill what is due at the end of a month, `due_at`: for the job. Returns the ids of the drafts."""
    month = month_of(local_date(due_at - datetime.resolution, tx.settings.zone))
    return gather_overage(tx, party, month, before=due_at, due_by=due_at)


def gather_overage(
    tx: Transaction,
    party: Party,
    month: str,
    *,
    before: datetime,
    due_by: datetime | None = None,
    rate: TaxRateSetting | None = None,
) -> list[str]:
    """Charge the work of one who pays that was worked before an instant, in the draft of a month.

    With `due_by`, only what is due by then. `rate` is the tax of new lines, the settings' first unless given.
    Returns the ids of the drafts that it wrote or changed. Raises: InvalidInput.
    """
    lock_party(tx, *party)
    found = [
        one
        for one in read_uncharged(tx, before=before, party=party, with_waived=True)
        if due_by is None or one.due_at <= due_by
    ]
    if not found:
        return []
    by_line = unissued_items(tx, party)
    gathered = gather(_charges(found), {line: row.amount_minor for line, row in by_line.items()})
    for sold_item_id, charges in gathered.even.items():
        write_charges(tx, sold_item_id, charges)
    if not gathered.lines:
        return []
    return _write(tx, party, month, gathered, by_line, rate or tx.settings.tax_rates[0])


def _charges(found: Iterable[Uncharged]) -> list[OverageCharge]:
    return [one.charge for one in found if one.charge is not None]


def _write(
    tx: Transaction,
    party: Party,
    month: str,
    gathered: Gathering,
    by_line: dict[OverageLine, Row[Any]],
    rate: TaxRateSetting,
) -> list[str]:
    """Write the charges on their items, and the lines of these in their drafts."""
    new: dict[str, list[str]] = {}
    changed: dict[str, list[str]] = {}
    gone: list[str] = []
    for line, charges in gathered.lines.items():
        amount, row = gathered.amounts_minor[line], by_line.get(line)
        if row is None:
            sold_item_id = _add_item(tx, party, month, line, amount)
            new.setdefault(line.currency, []).append(sold_item_id)
        else:
            sold_item_id = row.id
            if row.invoice_id is not None:
                changed.setdefault(row.invoice_id, []).append(sold_item_id)
            if amount:
                tx.connection.execute(update(s).where(s.c.id == row.id).values(amount_minor=amount))
            else:
                gone.append(row.id)
        write_charges(tx, sold_item_id, charges)
    drafts = []
    for invoice_id, items in sorted(changed.items()):
        drafts.append(_change_draft(tx, invoice_id, items, gone, rate))
    _close_items(tx, gone)
    for currency, items in sorted(new.items()):
        drafts.append(_extend_draft(tx, party, currency, month, items, rate))
    return drafts


def _change_draft(
    tx: Transaction, invoice_id: str, items: Sequence[str], gone: Sequence[str], rate: TaxRateSetting
) -> str:
    """Write the lines of items whose charges have changed anew, and leave out those that are gone."""
    row = locked_invoice(tx, invoice_id)
    texts = overage_texts(tx, items, known_language(row.language) or SOURCE)
    lines = [
        _rewritten(line, texts[line.sold_item_id]) if line.sold_item_id in texts else line
        for line in lines_of(tx, invoice_id)
        if line.sold_item_id not in gone
    ]
    rewrite_lines(tx, row, lines)
    if not lines:
        void_invoice(tx, invoice_id, VoidInvoice(reason=NOTHING_LEFT))
    return invoice_id


def _rewritten(line: DraftLine, text: OverageText) -> DraftLine:
    """A line with what it charges now; its tax and a discount in percent stay as they were written."""
    if line.discount_percent is not None:
        return replace(
            line,
            description=text.description,
            quantity=text.quantity * 0 + 1,
            unit="C62",
            unit_price_minor=text.net_minor,
        )
    return replace(
        line,
        description=text.description,
        quantity=text.quantity,
        unit=text.unit,
        unit_price_minor=text.unit_price_minor,
        discount_minor=text.discount_minor,
    )


def _extend_draft(
    tx: Transaction, party: Party, currency: str, month: str, items: Sequence[str], rate: TaxRateSetting
) -> str:
    """Add lines to the draft of a customer and month; write it, if there is none."""

    def added(language: Language) -> list[DraftLine]:
        texts = overage_texts(tx, items, language)
        return [texts[one].line(one, rate) for one in items]

    invoice_id = _draft_of(tx, party, currency, month, items)
    if invoice_id is None:
        return add_draft(tx, party, currency, added(draft_language(tx, party)))
    row = locked_invoice(tx, invoice_id)
    if row.state != "draft":  # it was issued while this waited for it
        return add_draft(tx, party, currency, added(draft_language(tx, party)))
    lines = added(known_language(row.language) or SOURCE)
    rewrite_lines(tx, row, [*lines_of(tx, invoice_id), *lines])
    return invoice_id


def _draft_of(tx: Transaction, party: Party, currency: str, month: str, items: Sequence[str]) -> str | None:
    """The draft of a customer that has time to be billed of a month; None if there is none."""
    found: str | None = tx.connection.execute(
        select(i.c.id)
        .join(s, s.c.invoice_id == i.c.id)
        .join(item, item.c.sold_item_id == s.c.id)
        .where(i.c.state == "draft", i.c.currency == currency, item.c.billing_month == month)
        .where(is_paid_by(i, party), s.c.id.not_in(items))
        .order_by(i.c.id)
        .limit(1)
    ).scalar()
    return found


def _add_item(tx: Transaction, party: Party, month: str, line: OverageLine, amount_minor: int) -> str:
    sold_item_id = new_id()
    tx.add(
        s,
        id=sold_item_id,
        kind="overage",
        contract_id=line.contract,
        **party_columns(*party),
        currency=line.currency,
        amount_minor=amount_minor,
        sold_at=tx.now,
        sold_by=tx.actor.name,
    )
    tx.add(
        item,
        sold_item_id=sold_item_id,
        month=line.month,
        billing_month=month,
        rate_minor=line.rate_minor,
    )
    return sold_item_id


def write_charges(tx: Transaction, sold_item_id: str, charges: Sequence[OverageCharge]) -> None:
    """Store that pieces of work are charged, or taken back, on an item: each once."""
    tx.add_all(
        charge,
        [
            {
                "id": new_id(),
                "sold_item_id": sold_item_id,
                "allocation_id": one.piece,
                "work_entry_id": one.entry,
                "contract_id": one.line.contract,
                "month": one.line.month,
                "rate_minor": one.line.rate_minor,
                "minutes": one.minutes,
                "amount_minor": one.amount_minor,
                "takes_back_id": one.takes_back,
                "charged_at": tx.now,
            }
            for one in charges
        ],
    )


def _close_items(tx: Transaction, items: Sequence[str]) -> None:
    """Take items of which nothing is left off what is to be invoiced; no draft has them any more."""
    tx.connection.execute(
        update(s)
        .where(s.c.id.in_(items))
        .values(invoice_id=None, waived_at=tx.now, waived_by=tx.actor.name, waive_reason=NOTHING_LEFT)
    )
