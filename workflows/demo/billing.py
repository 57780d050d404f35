"""The invoices of the demonstration: what was sold is invoiced each month, and paid as customers pay.

The renewals of contracts that end soon are drafted; one customer gets invoices in German.
Most pay in time, one in part, one too much, one not at all; a payment bounces, an invoice is credited,
another one is written off, and the reminders of one are paused. Of the contracts that were cancelled, the
unused part of one is credited. What was sold is drafted by hand; what was sold last is still to be invoiced,
or a draft, like time beyond a contract.
"""

from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from engine.periods import local_date
from workflows.administration.settings import change_settings
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.invoicing.queries import read_invoice
from workflows.billing.issuing.credit_notes import credit_invoice
from workflows.billing.issuing.processing import process_invoice
from workflows.billing.issuing.unused_part import credit_unused_part, read_unused_part
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.overage.drafts import draft_overage
from workflows.billing.overage.queries import list_time_to_bill
from workflows.billing.payments.use_cases import record_payment, reverse_payment
from workflows.billing.payments.write_offs import write_off_invoice
from workflows.billing.reminders.dunning_pause import pause_dunning
from workflows.billing.sold.recurring_sales import create_recurring_sale
from workflows.billing.sold.sold_once import add_sold_once
from workflows.billing.sold.to_invoice import draft_sold, list_sold_items
from workflows.commands.billing import (
    ChangeBilling,
    CreditInvoice,
    CreditUnusedPart,
    DraftOverage,
    DraftSold,
    InvoiceLineGiven,
    NewInvoice,
    NewPayment,
    PauseDunning,
    ReversePayment,
    WriteOff,
)
from workflows.commands.fields import MoneyGiven
from workflows.commands.selling import NewRecurringSale, NewSoldItem
from workflows.core.transaction import Transaction
from workflows.demo.rates import CURRENCY
from workflows.demo.timeline import Timeline
from workflows.register.billing_details import change_billing_details
from workflows.store import tables as t

STANDARD = "VAT 19 %"
BILLING_SETTINGS: dict[str, Any] = {
    "invoices": True,
    "draft_sold_items": False,
    "dunning_levels": [
        {"days": 7, "fee_minor": 0, "text": "Please pay within a week."},
        {"days": 14, "fee_minor": 500, "text": "Please pay within a week; the fee is due with it."},
        {"days": 28, "fee_minor": 1000, "text": "This is our last reminder."},
    ],
    "tax_rates": [
        {"name": STANDARD, "percent": "19", "category": "S", "reason": ""},
        {"name": "VAT 7 %", "percent": "7", "category": "S", "reason": ""},
        {
            "name": "Reverse charge",
            "percent": "0",
            "category": "AE",
            "reason": "The recipient owes the tax (reverse charge)",
        },
    ],
}
ACCOUNTING_SETTINGS: dict[str, Any] = {
    "account_codes": [
        {"account": account, "code": code}
        for account, code in (
            ("receivable", "10000"),
            ("cash", "1200"),
            ("customer_credit", "1718"),
            ("deferred_revenue", "0990"),
            ("revenue", "8400"),
            ("tax", "1770"),
            ("discount", "8730"),
            ("write_off", "2400"),
        )
    ]
    + [{"account": "tax", "rate": "S:19", "code": "1776"}, {"account": "tax", "rate": "S:7", "code": "1771"}],
    "datev_consultant": 1001,
    "datev_client": 1,
}
SELLER = {
    "street": "Hafenstrasse 12",
    "postal_code": "20457",
    "city": "Hamburg",
    "country": "DE",
    "vat_id": "DE136695976",
    "contact_name": "Accounts",
    "phone": "+49 40 5550100",
    "iban": "DE89370400440532013000",
    "bic": "COBADEFFXXX",
}
RENEWAL_LEAD_DAYS = 30
SOLD_ONCE_ON = "request:works-2"
"""The request on which things were sold once."""
RUNS = {52: 12, 24: 12, 6: 2}
"""How many days ago what was sold until then was invoiced, and to how many at most."""
NOT_PAID, PAUSED, WRITTEN_OFF, PART, OVER, BOUNCED, CREDITED, PAID = (
    "not paid", "paused", "written off", "part", "over", "bounced", "credited", "paid",
)  # fmt: skip
OUTCOMES = {
    52: (PAID, PAID, PAID, PART, OVER, BOUNCED, WRITTEN_OFF, CREDITED, PAID, PAID, PAID, PART),
    24: (PART, OVER, BOUNCED, PAUSED, CREDITED, PAID, PAID, PAID, PART, OVER, BOUNCED, NOT_PAID),
    6: (NOT_PAID, PART),
}
"""What becomes of the invoices of a day, in their order."""


def plan_billing(timeline: Timeline) -> None:
    """Plan the invoices and what becomes of them."""
    for days_ago, most in RUNS.items():
        invoice_all = partial(_invoice_all, timeline=timeline, days_ago=days_ago, most=most)
        timeline.plan(timeline.at(days_ago, 11), "finance", invoice_all)
        for place, outcome in enumerate(OUTCOMES[days_ago]):
            _plan_outcome(timeline, days_ago, place, outcome)
    timeline.plan(timeline.at(12, 10), "finance", _bill_time)
    timeline.plan(timeline.at(2, 16), "finance", partial(_credit_unused, timeline=timeline))
    visit = NewInvoice(
        customer=None,
        lines=[
            InvoiceLineGiven.model_validate(
                {
                    "description": "Installation on site",
                    "quantity": "2.5",
                    "unit": "HUR",
                    "unit_price": {"amount_minor": 9500},
                    "tax_rate": STANDARD,
                }
            )
        ],
    )
    timeline.plan(
        timeline.at(3, 15),
        "supervisor",
        lambda tx: create_invoice(tx, visit.model_copy(update={"org_unit": timeline.ids["unit:LIND"]})),
    )


def plan_german_invoice(timeline: Timeline) -> None:
    """Plan that a customer gets invoices in German, and one that is issued."""
    details = ChangeBilling.model_validate(
        {
            "name": "Rosenhof Kliniken gGmbH",
            "street": "Rosenweg 4",
            "postal_code": "24105",
            "city": "Kiel",
            "country": "DE",
            "email": "rechnungen@rosenhof.example",
            "order_number": "B-2026-118",
            "order_budget": {"amount_minor": 200_000},
            "language": "de",
        }
    )
    invoice = NewInvoice.model_validate(
        {
            "org_unit": timeline.ids["unit:ROSE"],
            "lines": [
                {
                    "description": "Umzug der Telefonanlage",
                    "quantity": "6",
                    "unit": "HUR",
                    "unit_price": {"amount_minor": 9500, "currency": CURRENCY},
                    "tax_rate": STANDARD,
                },
                {
                    "description": "Anfahrt",
                    "quantity": "1",
                    "unit_price": {"amount_minor": 4500, "currency": CURRENCY},
                    "tax_rate": STANDARD,
                },
            ],
        }
    )

    def issue(tx: Transaction) -> None:
        change_billing_details(tx, "org_unit", timeline.ids["unit:ROSE"], details)
        issue_invoice(tx, create_invoice(tx, invoice))

    timeline.plan(timeline.at(5, 11), "finance", issue)


def plan_renewals(timeline: Timeline) -> None:
    """Plan that contracts are renewed ahead of their end from now on: a job drafts the first ones."""
    timeline.plan(
        timeline.at(2, 9),
        "administrator",
        lambda tx: change_settings(tx, {"renewal_lead_days": RENEWAL_LEAD_DAYS}),
        is_exclusive=True,
    )


def _credit_unused(tx: Transaction, timeline: Timeline) -> None:
    """Credit the unused part of the first cancelled contract that has one; others are left to look at."""
    cancelled = (one for name, one in sorted(timeline.ids.items()) if name.startswith("cancelled:"))
    unused = [one for one in cancelled if read_unused_part(tx, one).lines]
    if unused:
        credit_unused_part(tx, unused[0], CreditUnusedPart(reason="The device was given away"))


def plan_sold_once(timeline: Timeline) -> None:
    """Plan travel and a part on a request whose work goes on; needs the price list of `plan_prices`."""

    def add(tx: Transaction) -> None:
        listed = select(t.product.c.code, t.product.c.id)
        products = {row.code: row.id for row in tx.connection.execute(listed)}
        request = timeline.ids[SOLD_ONCE_ON]
        for product, quantity in (("KM", "42"), ("SSD-1T", "1")):
            add_sold_once(tx, request, NewSoldItem(product=products[product], quantity=quantity))
        parking = NewSoldItem(
            description="Parking", kind="expense", unit_price=MoneyGiven(amount_minor=1250, currency=CURRENCY)
        )
        add_sold_once(tx, request, parking)

    timeline.plan(timeline.at(1, 16), "technician", add)


def plan_recurring_sales(timeline: Timeline) -> None:
    """Plan a charge by the month in advance, and one by the quarter in arrears, whose periods a job makes."""
    for key, description, minor, every, timing in (
        ("unit:LIND", "Monitoring of servers", 14_900, "month", "advance"),
        ("unit:MF", "Backup storage", 36_000, "quarter", "arrears"),
    ):
        command = NewRecurringSale.model_validate(
            {
                "org_unit": timeline.ids[key],
                "description": description,
                "unit_price": {"amount_minor": minor, "currency": CURRENCY},
                "tax_rate": STANDARD,
                "every": every,
                "timing": timing,
                "billing_day": 1,
                "starts_on": str(timeline.today() - timedelta(days=40)),
            }
        )
        agree = partial(create_recurring_sale, command=command)
        timeline.plan(timeline.at(39, 10), "finance", agree)


def _invoice_all(tx: Transaction, timeline: Timeline, days_ago: int, most: int) -> None:
    """Invoice what was sold, to each who bought something."""
    found = list_sold_items(tx, state="open", limit=200).items
    parties = list(dict.fromkeys((one.customer, one.org_unit) for one in found))
    for place, (customer, org_unit) in enumerate(parties[:most]):
        draft = draft_sold(tx, DraftSold(customer=customer, org_unit=org_unit, tax_rate=STANDARD))
        issue_invoice(tx, draft)
        timeline.ids[f"invoice:{days_ago}:{place}"] = draft


def _bill_time(tx: Transaction) -> None:
    """Bill the time beyond the contracts, without waiting for the end of the month."""
    for one in list_time_to_bill(tx, limit=1).items:
        command = DraftOverage(customer=one.customer, org_unit=one.org_unit, month=one.month)
        draft_overage(tx, command.model_copy(update={"tax_rate": STANDARD}))


def _plan_outcome(timeline: Timeline, days_ago: int, place: int, outcome: str) -> None:
    """Plan what becomes of an invoice, if there is one in this place of the day."""
    key, payment_key = f"invoice:{days_ago}:{place}", f"payment:{days_ago}:{place}"

    def pay(percent: int) -> Any:
        def do(tx: Transaction) -> None:
            if key not in timeline.ids:
                return
            invoice = read_invoice(tx, timeline.ids[key])
            command = NewPayment(
                amount=MoneyGiven(
                    amount_minor=invoice.total.amount_minor * percent // 100, currency=CURRENCY
                ),
                received_on=local_date(tx.now, timeline.zone),
                reference=invoice.number,
            )
            timeline.ids[payment_key] = record_payment(tx, invoice.id, command)
            if percent >= 100:
                process_invoice(tx, invoice.id)

        return do

    def bounce(tx: Transaction) -> None:
        payment = timeline.ids.get(payment_key)
        if payment is not None:
            reverse_payment(tx, payment, ReversePayment(reason="Returned by the bank"))

    def credit(tx: Transaction) -> None:
        if key in timeline.ids:
            credit_invoice(tx, timeline.ids[key], CreditInvoice(reason="Ordered twice"))

    def pause(tx: Transaction) -> None:
        if key in timeline.ids:
            until = local_date(tx.now, timeline.zone) + timedelta(days=60)
            reason = "They ask which order it belongs to"
            pause_dunning(tx, timeline.ids[key], PauseDunning(reason=reason, until=until))

    def give_up(tx: Transaction) -> None:
        if key in timeline.ids:
            write_off_invoice(tx, timeline.ids[key], WriteOff(reason="The customer is insolvent"))

    paid_at = timeline.at(max(days_ago - 8 - place % 5, 1), 14)
    match outcome:
        case "written off":
            timeline.plan(timeline.at(4, 10), "finance", give_up)
        case "paused":
            timeline.plan(timeline.at(8, 10), "finance", pause)
        case "part":
            timeline.plan(paid_at, "finance", pay(50))
        case "over":
            timeline.plan(paid_at, "finance", pay(110))
        case "bounced":
            timeline.plan(paid_at, "finance", pay(100))
            timeline.plan(paid_at + timedelta(days=2), "finance", bounce)
        case "credited":
            timeline.plan(paid_at, "finance", credit)
        case "paid":
            timeline.plan(paid_at, "finance", pay(100))
