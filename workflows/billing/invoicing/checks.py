"""Drafts that the rules find unusual: they wait until finance has confirmed them with a reason.

A confirmation counts for the draft as it was: a later change, or another rule that matches, asks for a new
one.
Source: product.md section 10.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, select

from engine.rulebook import InvoiceFacts
from workflows.billing.invoicing.actions import CASHIERS
from workflows.billing.invoicing.drafts import SUBJECT, require_draft
from workflows.billing.invoicing.parties import party_of
from workflows.billing.invoicing.rows import locked_invoice
from workflows.commands.billing import ConfirmInvoice
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.formats import amount_text
from workflows.languages.texts import gettext
from workflows.register.billing_details import billing_row, invoiced_on_order
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views.billing import CheckReasonView

i, s, charge, done = t.invoice, t.sold_item, t.overage_charge, t.invoice_confirmation
ORDER_BUDGET = "order_budget"
"""The name of the reason that no rule file has."""
FEWEST, MOST = 3, 12
"""How many earlier invoices say what is usual."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Why a draft is unusual, and the confirmation that counts for all of these, if there is one."""

    reasons: list[CheckReasonView]
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    reason: str | None = None

    @property
    def waits(self) -> bool:
        return bool(self.reasons) and self.confirmed_at is None


NOTHING = Checked([])


def check_draft(tx: Transaction, row: Row[Any]) -> Checked:
    """Whether a draft is unusual by the rules in force, or is past the budget of its order.

    Anything but the draft of an invoice is not.
    """
    if row.kind != "invoice" or row.state != "draft":
        return NOTHING
    book = tx.rules.invoice_checks
    matching = book.reasons(_facts(tx, row)) if book.rules else []
    reasons = [CheckReasonView(rule.id, rule.why) for rule in matching] + _past_budget(tx, row)
    if not reasons:
        return NOTHING
    last = select(done).where(done.c.invoice_id == row.id).order_by(done.c.id.desc()).limit(1)
    found = tx.connection.execute(last).one_or_none()
    is_confirmed = (
        found is not None
        and found.invoice_version == row.version
        and {one.rule for one in reasons} <= set(found.rules)
    )
    if found is None or not is_confirmed:
        return Checked(reasons)
    return Checked(reasons, found.confirmed_by, found.confirmed_at, found.reason)


def confirm_invoice(tx: Transaction, invoice_id: str, command: ConfirmInvoice) -> str:
    """Confirm a draft although the rules find it unusual, so that it can be issued; returns its id.

    Raises: NotAllowed for all but finance; NotFound; StateForbids unless it is a draft.
    """
    tx.require(*CASHIERS)
    row = locked_invoice(tx, invoice_id)
    require_draft(row, "confirmed")
    rules = [one.rule for one in check_draft(tx, row).reasons]
    tx.add(
        done,
        id=new_id(),
        invoice_id=invoice_id,
        invoice_version=row.version,
        rules=rules,
        reason=command.reason,
        confirmed_at=tx.now,
        confirmed_by=tx.actor.name,
    )
    tx.audit(SUBJECT, invoice_id, "confirmed", rules=rules, reason=command.reason)
    return invoice_id


def require_confirmed(tx: Transaction, row: Row[Any]) -> None:
    """Raise StateForbids, with the reasons, if a draft waits for a person."""
    checked = check_draft(tx, row)
    if checked.waits:
        raise StateForbids(
            gettext(
                "The invoice is unusual: %(reasons)s", reasons=" ".join(one.why for one in checked.reasons)
            ),
            remedy=gettext("Finance confirms it with a reason, or changes it."),
            state=row.state,
            reasons=[{"rule": one.rule, "why": one.why} for one in checked.reasons],
        )


def _past_budget(tx: Transaction, row: Row[Any]) -> list[CheckReasonView]:
    """The reason why a draft waits that would take its order past the budget in the billing details."""
    if not row.order_number:
        return []
    party = party_of(row)
    details = billing_row(tx, *party)
    if details is None or details.order_number != row.order_number or details.order_budget_minor is None:
        return []
    if details.order_budget_currency != row.currency:
        return []
    invoiced = invoiced_on_order(tx, party, row.order_number, row.currency) + row.net_minor
    if invoiced <= details.order_budget_minor:
        return []
    why = gettext(
        "The order %(order)s has a budget of %(budget)s; with this invoice, %(invoiced)s without tax are "
        "invoiced on it.",
        order=row.order_number,
        budget=amount_text(details.order_budget_minor, "money", row.currency),
        invoiced=amount_text(invoiced, "money", row.currency),
    )
    return [CheckReasonView(ORDER_BUDGET, why)]


def _facts(tx: Transaction, row: Row[Any]) -> InvoiceFacts:
    billed = select(charge.c.id).join(s, s.c.id == charge.c.sold_item_id).where(s.c.invoice_id == row.id)
    approved_by_nobody = billed.join(t.work_entry, t.work_entry.c.id == charge.c.work_entry_id).where(
        charge.c.takes_back_id.is_(None),
        t.work_entry.c.decided_by.is_(None),
        ~exists(select(t.approval_use.c.id).where(t.approval_use.c.work_entry_id == t.work_entry.c.id)),
    )
    has, has_unapproved = tx.connection.execute(select(exists(billed), exists(approved_by_nobody))).one()
    return InvoiceFacts(
        total_minor=row.total_minor,
        currency=row.currency,
        percent_of_usual=_percent_of_usual(tx, row),
        has_overage=bool(has),
        has_unapproved_overage=bool(has_unapproved),
    )


def _percent_of_usual(tx: Transaction, row: Row[Any]) -> int:
    """The total in percent of the average of the last issued invoices in the currency, rounded down."""
    kind, party_id = party_of(row)
    totals = list(
        tx.connection.execute(
            select(i.c.total_minor)
            .where((i.c.customer_id if kind == "customer" else i.c.org_unit_id) == party_id)
            .where(i.c.kind == "invoice", i.c.state == "issued", i.c.currency == row.currency)
            .order_by(i.c.issued_at.desc(), i.c.id.desc())
            .limit(MOST)
        ).scalars()
    )
    if len(totals) < FEWEST or not sum(totals):
        return 0
    return int(row.total_minor) * len(totals) * 100 // int(sum(totals))
