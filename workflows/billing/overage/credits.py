"""Time that was billed too high and fits on no later draft: it is credited on the invoice that billed it.

Source: product.md sections 7 (adjustments) and 10.
"""

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import select

from engine.overage import OverageCharge, OverageLine, gather, owed_by_item
from engine.quantities import round_half_up
from workflows.billing.invoicing.actions import ISSUERS
from workflows.billing.invoicing.parties import lock_party, party_of
from workflows.billing.invoicing.rows import sold_by
from workflows.billing.issuing.credit_notes import credit_issued, credited_before, notes_of
from workflows.billing.overage.drafts import write_charges
from workflows.billing.overage.reading import Party, read_uncharged, unissued_items
from workflows.billing.sold.to_invoice import not_sold
from workflows.commands.billing import CreditInvoice, CreditLineGiven, CreditOverage
from workflows.commands.fields import MoneyGranted
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.reports.parties import in_parts
from workflows.store import tables as t

i, line, s = t.invoice, t.invoice_line, t.sold_item


class Owed(NamedTuple):
    """What an issued invoice billed too high of an item of time, since an instant (aware UTC).

    `charges` take it back, with what is charged anew; `amount_minor` is to be credited, without tax, in minor
    units of the currency.
    """

    due_at: datetime
    party: Party
    sold_item: str
    contract: str
    invoice: str
    invoice_number: str
    line: str
    amount_minor: int
    currency: str
    charges: tuple[OverageCharge, ...]


def overage_owed(tx: Transaction, at: datetime | None = None, party: Party | None = None) -> list[Owed]:
    """What is owed by an instant (aware UTC) or ever, to one who pays or to all; the earliest first.

    It is due as a draft would be. As much of an item is credited as its invoice charged for it, discounts
    taken off, and never more than is left of the line.
    """
    charges: dict[Party, list[OverageCharge]] = {}
    due_at: dict[str, datetime] = {}
    for one in read_uncharged(tx, before=at, party=party):
        if one.charge is not None and (at is None or one.due_at <= at):
            charges.setdefault(one.party, []).append(one.charge)
            if one.charge.takes_back is not None:
                due_at[one.charge.takes_back] = one.due_at
    if not due_at:
        return []
    unissued: dict[Party, dict[OverageLine, int]] = {}
    for overage_line, row in unissued_items(tx, party).items():
        unissued.setdefault(party_of(row), {})[overage_line] = row.amount_minor
    owed: dict[str, tuple[Party, list[OverageCharge]]] = {}
    for one_party, own in charges.items():
        waiting = gather(own, unissued.get(one_party, {})).waiting
        owed |= {item: (one_party, found) for item, found in owed_by_item(waiting).items()}
    return sorted(
        Owed(
            due_at=min(due_at[one.takes_back] for one in found if one.takes_back is not None),
            party=one_party,
            sold_item=row.id,
            contract=row.contract_id,
            invoice=row.invoice_id,
            invoice_number=row.number,
            line=row.line_id,
            amount_minor=amount_minor,
            currency=row.currency,
            charges=tuple(found),
        )
        for row in _issued(tx, owed)
        for one_party, found in [owed[row.id]]
        if (amount_minor := _to_credit(tx, row, found)) > 0
    )


def credit_overage(tx: Transaction, sold_item_id: str, command: CreditOverage) -> str:
    """Credit what an item of time was billed too high, on its invoice; returns the credit note's id.

    The work is not taken off a later draft then.
    Raises:
        NotAllowed: the actor is neither finance nor an administrator.
        NotFound: there is no such item.
        StateForbids: nothing of it is owed, or its invoice cannot be credited.
    """
    tx.require(*ISSUERS)
    item = sold_by(tx, sold_item_id)
    if item is None:
        raise not_sold()
    party = party_of(item)
    lock_party(tx, *party)
    # what is due first: a draft of what is not due yet might take it
    found = [*overage_owed(tx, tx.now, party), *overage_owed(tx, party=party)]
    owed = next((one for one in found if one.sold_item == sold_item_id), None)
    if owed is None:
        raise StateForbids(
            gettext("Nothing of this time was billed too high."),
            remedy=gettext("What fits on a draft is taken off there: look at the list of time to bill."),
            state="settled",
        )
    # first, so that the journal finds what the credit note takes back
    write_charges(tx, sold_item_id, owed.charges)
    amount = MoneyGranted(amount_minor=owed.amount_minor, currency=owed.currency)
    credited = CreditLineGiven(line=owed.line, amount=amount)
    return credit_issued(tx, owed.invoice, CreditInvoice(reason=command.reason, lines=[credited]))


def _issued(tx: Transaction, items: Iterable[str]) -> list[Any]:
    """The items that an issued invoice has, with its number and its line."""
    found: list[Any] = []
    for part in in_parts(items):
        found += tx.connection.execute(
            select(
                s.c.id,
                s.c.contract_id,
                s.c.invoice_id,
                s.c.currency,
                s.c.amount_minor,
                i.c.number,
                line.c.id.label("line_id"),
                line.c.net_minor,
            )
            .join(i, i.c.id == s.c.invoice_id)
            .join(line, (line.c.invoice_id == i.c.id) & (line.c.sold_item_id == s.c.id))
            .where(s.c.id.in_(part), i.c.kind == "invoice", i.c.state == "issued")
        )
    return found


def _to_credit(tx: Transaction, row: Any, charges: Iterable[OverageCharge]) -> int:
    owed_minor = -sum(one.amount_minor for one in charges)
    share = round_half_up(Fraction(owed_minor * row.net_minor, row.amount_minor))
    credited_minor = credited_before(tx, notes_of(tx, row.invoice_id)).get(row.line_id, 0)
    return min(share, int(row.net_minor) - credited_minor)
