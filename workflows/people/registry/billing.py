"""What was offered, sold, invoiced and paid, where the customer pays for it."""

from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

from workflows.people.kinds import Kind, NotTheirs, Theirs
from workflows.people.person import Person
from workflows.people.registry.of_customer import (
    any_of,
    by,
    by_email,
    by_user,
    invoices,
    is_sold_to,
    payments,
    quote_versions,
    quotes,
    sold_items,
    through,
)
from workflows.store import tables as t


def _quote_lines(person: Person) -> Select[Any]:
    return select(t.quote_line.c.id).where(t.quote_line.c.version_id.in_(quote_versions(person)))


def _is_payment_of(person: Person) -> ColumnElement[bool]:
    """Recorded as their payment, or what they paid online; a likely payer may be somebody else."""
    paid, link = t.bank_entry_payment.c, t.payment_link.c
    return or_(
        t.bank_entry.c.id.in_(select(paid.entry_id).where(paid.payment_id.in_(payments(person)))),
        t.bank_entry.c.id.in_(select(link.bank_entry_id).where(link.invoice_id.in_(invoices(person)))),
    )


BILLING: tuple[Theirs | NotTheirs, ...] = (
    Theirs(
        t.billing_details,
        by(t.billing_details.c.customer_id),
        {
            "name": Kind.NAME,
            "street": Kind.ADDRESS,
            "postal_code": Kind.ADDRESS,
            "city": Kind.ADDRESS,
            "country": Kind.ADDRESS,
            "vat_id": Kind.TAX_ID,
            "email": Kind.EMAIL,
            "order_number": Kind.TEXT,
            "buyer_reference": Kind.TEXT,
        },
        "language order_budget_currency",
    ),
    Theirs(t.quote, by(t.quote.c.customer_id), {"created_by": Kind.STAFF}, "number currency"),
    Theirs(
        t.quote_version,
        through(t.quote_version.c.quote_id, quotes),
        {
            "subject": Kind.TEXT,
            "note": Kind.TEXT,
            "created_by": Kind.STAFF,
            "sent_by": Kind.STAFF,
            "sent_to": Kind.EMAIL,
        },
    ),
    Theirs(
        t.quote_line,
        through(t.quote_line.c.version_id, quote_versions),
        {"description": Kind.TEXT, "contract_terms": Kind.REFERENCE},
        "kind unit tax_name tax_category tax_reason",
    ),
    Theirs(
        t.quote_link,
        # a quote to an org unit may have been sent to them
        any_of(through(t.quote_link.c.version_id, quote_versions), by_email(t.quote_link.c.recipient)),
        {"recipient": Kind.EMAIL, "token_hash": Kind.SECRET},
    ),
    Theirs(
        t.quote_decision,
        any_of(
            through(t.quote_decision.c.quote_id, quotes),
            by_user(t.quote_decision.c.user_id),
            by_email(t.quote_decision.c.recipient),
        ),
        {
            "name": Kind.ACTOR,
            "recorded_by": Kind.STAFF,
            "recipient": Kind.EMAIL,
            "address": Kind.NETWORK,
            "comment": Kind.TEXT,
        },
        "decision way statement",
    ),
    Theirs(t.quote_contract, lambda person: t.quote_contract.c.line_id.in_(_quote_lines(person))),
    Theirs(t.quote_invoice, through(t.quote_invoice.c.quote_id, quotes)),
    Theirs(
        t.sold_item,
        is_sold_to,
        {
            "description": Kind.TEXT,
            "sold_by": Kind.STAFF,
            "waived_by": Kind.STAFF,
            "waive_reason": Kind.TEXT,
        },
        "kind unit tax_name currency",
    ),
    Theirs(
        t.recurring_sale,
        by(t.recurring_sale.c.customer_id),
        {
            "description": Kind.TEXT,
            "created_by": Kind.STAFF,
            "ended_by": Kind.STAFF,
            "end_reason": Kind.TEXT,
        },
        "number unit currency tax_name every timing time_zone",
    ),
    Theirs(
        t.overage_item,
        through(t.overage_item.c.sold_item_id, sold_items),
        plain="month billing_month",
    ),
    Theirs(t.overage_charge, through(t.overage_charge.c.sold_item_id, sold_items), plain="month"),
    Theirs(
        t.invoice,
        by(t.invoice.c.customer_id),
        {
            "order_number": Kind.TEXT,
            "buyer_reference": Kind.TEXT,
            "note": Kind.TEXT,
            "terms": Kind.TEXT,
            # name, address, VAT id, mail address and contact as of the issue
            "buyer": Kind.JSON,
            "reason": Kind.TEXT,
            "issued_by": Kind.STAFF,
            "delivered_by": Kind.STAFF,
            "voided_by": Kind.STAFF,
            "void_reason": Kind.TEXT,
            "created_by": Kind.STAFF,
            "dunning_pause_reason": Kind.TEXT,
        },
        # `seller` is the provider
        "kind state number currency language seller e_invoice_profile e_invoice_rules",
    ),
    Theirs(
        t.invoice_line,
        through(t.invoice_line.c.invoice_id, invoices),
        {"description": Kind.TEXT},
        "unit tax_name tax_category tax_reason",
    ),
    Theirs(
        t.invoice_discount,
        through(t.invoice_discount.c.invoice_id, invoices),
        {"reason": Kind.TEXT},
        "tax_category",
    ),
    Theirs(t.invoice_tax, through(t.invoice_tax.c.invoice_id, invoices), plain="category reason"),
    Theirs(
        t.invoice_confirmation,
        through(t.invoice_confirmation.c.invoice_id, invoices),
        {"reason": Kind.TEXT, "confirmed_by": Kind.STAFF},
        "rules",
    ),
    Theirs(
        t.invoice_reminder,
        any_of(through(t.invoice_reminder.c.invoice_id, invoices), by_email(t.invoice_reminder.c.recipient)),
        {"recipient": Kind.EMAIL},
    ),
    Theirs(
        t.payment,
        by(t.payment.c.customer_id),
        {"reference": Kind.TEXT, "recorded_by": Kind.STAFF},
        "currency method",
    ),
    Theirs(
        t.payment_reversal,
        through(t.payment_reversal.c.payment_id, payments),
        {"reason": Kind.TEXT, "reversed_by": Kind.STAFF},
    ),
    Theirs(
        t.payment_allocation,
        through(t.payment_allocation.c.invoice_id, invoices),
        {"reason": Kind.TEXT, "recorded_by": Kind.STAFF},
        "kind",
    ),
    Theirs(t.customer_credit, by(t.customer_credit.c.customer_id), plain="currency"),
    Theirs(
        t.payment_link,
        through(t.payment_link.c.invoice_id, invoices),
        # whoever has the address of the page may pay, and reads there what for
        {"created_by": Kind.STAFF, "url": Kind.SECRET, "session_id": Kind.SECRET, "event_id": Kind.SECRET},
        "provider currency",
    ),
    Theirs(
        t.bank_entry,
        _is_payment_of,
        {
            "texts": Kind.JSON,
            "reference": Kind.TEXT,
            "party": Kind.NAME,
            "party_iban": Kind.BANK_ACCOUNT,
            "bank_reference": Kind.TEXT,
            # invoices that it might pay, perhaps of others
            "candidates": Kind.REFERENCE,
            "decided_by": Kind.STAFF,
            "decision_reason": Kind.TEXT,
        },
        # `account` is the provider's
        "number entry_key account currency state reason",
    ),
    Theirs(t.bank_entry_payment, through(t.bank_entry_payment.c.payment_id, payments)),
    NotTheirs(t.bank_statement, "A file of the provider's accounts: its days and balances."),
    NotTheirs(
        t.accounting_export,
        "A batch as it was handed over to the accounting, which is stored as long as invoices are.",
    ),
    NotTheirs(t.accounting_export_entry, "Which transactions a batch has, by id."),
    NotTheirs(t.company_logo, "The provider's."),
    NotTheirs(t.product, "The price list."),
    NotTheirs(t.product_price, "The price list."),
    NotTheirs(t.cost_rate, "What an hour of staff costs."),
)
