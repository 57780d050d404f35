"""Invoices, payments and customer credit as they are shown."""

from dataclasses import field
from datetime import date, datetime

from workflows.views import MoneyView
from workflows.views.base import View, view


@view
class InvoiceLineView(View):
    """A line; quantities and percentages are decimal texts. `tax_rate` is the name of the rate.

    `sold` is the id of what was sold, `sold_kind` contract, renewal, top_up or overage, and `contract` its
    contract. Of a credit note, amounts are positive and are what is credited, and `credits` is the line that
    they take back.
    """

    id: str
    description: str
    quantity: str
    unit: str
    unit_price: MoneyView
    discount_percent: str | None
    discount: MoneyView
    net: MoneyView
    tax_rate: str
    tax_category: str
    tax_percent: str
    service_from: date | None
    service_to: date | None
    sold: str | None
    sold_kind: str | None
    contract: str | None
    credits: str | None


@view
class InvoiceDiscountView(View):
    """A discount on the whole document: in percent, or the amount that was given."""

    reason: str
    percent: str | None
    amount: MoneyView


@view
class InvoiceTaxView(View):
    """The base and the tax of one category and rate; `reason` says why nothing is charged."""

    category: str
    percent: str
    base: MoneyView
    tax: MoneyView
    reason: str


@view
class EarlyPaymentView(View):
    """A discount in percent for payment within so many days; `until` is the last one, once issued."""

    days: int
    percent: str
    until: date | None


@view
class InvoiceView(View):
    """An invoice or a credit note (`kind`), as in a list.

    `state` is draft, issued or void; `payment` unpaid, part_paid, paid, overdue or written_off, null unless
    it is an issued invoice; `delivery` undelivered or delivered. `paid` is what was settled by payments,
    credit, credit notes and a discount for early payment, `open` what is still to be paid, `written_off` what
    will not be. `dunning_level` is the one that it has reached, 0 for none. Either `customer` or `org_unit`
    is set. `former_total` is what a credit note amounts to in the currency of the invoice that it
    corrects, where that has been given up since: the note is in its successor. `waits` for a draft that
    rules find unusual and that finance has not confirmed.
    """

    id: str
    kind: str
    number: str | None
    state: str
    payment: str | None
    delivery: str
    customer: str | None
    org_unit: str | None
    party_name: str
    currency: str
    net: MoneyView
    tax: MoneyView
    total: MoneyView
    paid: MoneyView
    open: MoneyView
    written_off: MoneyView
    issued_on: date | None
    due_on: date | None
    dunning_level: int
    created_at: datetime
    version: int
    waits: bool
    former_total: MoneyView | None


@view
class CheckReasonView(View):
    """Why a draft is unusual: the id of the rule that says so, and its text."""

    rule: str
    why: str


@view
class InvoiceReference(View):
    """Another document: the invoice that a credit note corrects, or a credit note."""

    id: str
    number: str | None
    total: MoneyView


@view
class AllocationView(View):
    """What settled a part of an invoice: a payment, credit, a credit note, an early payment or a write-off.

    A reversal is negative. `source` is the id of the payment, the credit, the credit note or the write-off,
    `reason` that of a write-off, which staff see.
    """

    kind: str
    source: str
    amount: MoneyView
    effective_at: datetime
    recorded_by: str
    reason: str | None = None


@view
class ReminderView(View):
    """A reminder of an invoice: `kind` is due_soon, overdue or level, `level` a number from 1, else 0.

    `due_at` is when it was due, `recorded_at` when it was written; `open` was to be paid then. Without a
    `recipient` no mail was sent. `fee_invoice` charges its fee.
    """

    kind: str
    level: int
    due_at: datetime
    recorded_at: datetime
    open: MoneyView
    recipient: str | None
    fee_invoice: InvoiceReference | None


@view
class InvoiceDetail(InvoiceView):
    """One invoice or credit note with its lines, discounts and taxes, and what settled it.

    `allowed_actions` is what the caller's role may do now: change, confirm, issue, void, credit, pay,
    process, pause, resume, write_off, reverse_write_off. `dunning_paused_until` is the last day on which no
    reminders are sent. `unusual` are the reasons why a draft is unusual by the rules in force.
    `e_invoice_profile` is the one that it was issued with, en16931 or xrechnung, null if it has no e-invoice;
    `e_invoice_rules` the version of the rules that accepted it.
    """

    lines: list[InvoiceLineView]
    discounts: list[InvoiceDiscountView]
    taxes: list[InvoiceTaxView]
    order_number: str | None
    buyer_reference: str | None
    note: str | None
    terms: str | None
    language: str
    early_payment: EarlyPaymentView | None
    corrects: InvoiceReference | None
    reason: str | None
    credit_notes: list[InvoiceReference] = field(default_factory=list)
    allocations: list[AllocationView] = field(default_factory=list)
    issued_at: datetime | None = None
    delivered_at: datetime | None = None
    voided_at: datetime | None = None
    void_reason: str | None = None
    e_invoice_profile: str | None = None
    e_invoice_rules: str | None = None
    reminders: list[ReminderView] = field(default_factory=list)
    dunning_paused_until: date | None = None
    dunning_pause_reason: str | None = None
    unusual: list[CheckReasonView] = field(default_factory=list)
    confirmed_at: datetime | None = None
    confirmed_by: str | None = None
    confirm_reason: str | None = None
    allowed_actions: list[str] = field(default_factory=list)


@view
class BillingView(View):
    """How a customer or an org unit is addressed on invoices; empty where nothing was given.

    With an `order_budget`, `order_invoiced` is what has been invoiced on the order number, less credit notes;
    both are without tax.
    """

    name: str
    street: str
    postal_code: str
    city: str
    country: str
    vat_id: str
    email: str
    order_number: str
    buyer_reference: str
    language: str
    version: int
    order_budget: MoneyView | None
    order_invoiced: MoneyView | None


@view
class PaidInvoiceView(View):
    """What a payment settled of an invoice, less what was reversed.

    `kind` is payment, early_payment (its discount) or credit (what was too much, used on this invoice).
    """

    invoice: str
    number: str | None
    kind: str
    amount: MoneyView


@view
class PaymentView(View):
    """A payment: `state` is recorded or reversed. `credit` is what is left of it and not used yet.

    `invoices` are those that it settles, `opened_invoices` those that it had settled when it was reversed.
    """

    id: str
    customer: str | None
    org_unit: str | None
    party_name: str
    amount: MoneyView
    received_on: date
    method: str
    reference: str | None
    state: str
    recorded_at: datetime
    recorded_by: str
    reversed_at: datetime | None
    reversal_reason: str | None
    invoices: list[PaidInvoiceView]
    opened_invoices: list[PaidInvoiceView]
    credit: MoneyView


@view
class SoldItemView(View):
    """What was sold at a price. `state` is open, invoiced or waived.

    A contract, a renewal, a top-up or time beyond it (overage) is of a `contract`. Anything else has a
    description, a decimal quantity and a tax rate, and perhaps the service request on which it was sold.
    `invoice` has it, also as a draft.
    Technicians read no amounts. Who pays is for staff, `invoice` and `waive_reason` for those who sell.
    """

    id: str
    kind: str
    contract: str | None
    contract_number: str | None
    contract_type: str | None
    contract_state: str | None
    service_request: str | None
    service_request_number: str | None
    product: str | None
    description: str | None
    quantity: str | None
    unit: str | None
    unit_price: MoneyView | None
    tax_rate: str | None
    sold_on: date | None
    recurring_sale: str | None
    service_from: date | None
    service_to: date | None
    customer: str | None
    org_unit: str | None
    party_name: str
    amount: MoneyView | None
    sold_at: datetime
    sold_by: str
    state: str
    invoice: str | None
    waive_reason: str | None
    version: int


@view
class TimeToBillView(View):
    """Work of a contract in a month (YYYY-MM) that no contract paid, at one price of an hour.

    `minutes` are below zero where time that was billed is no longer to be. `due_on` is the first day on which
    it is invoiced by itself. Without a price (`rate`, `amount` null) nobody can bill it yet.
    """

    customer: str | None
    org_unit: str | None
    party_name: str
    contract: str
    contract_number: str
    month: str
    minutes: int
    rate: MoneyView | None
    amount: MoneyView | None
    due_on: date


@view
class BilledWorkView(View):
    """A piece of work that a line bills: whole minutes of an entry, below zero where it was taken back."""

    work_entry: str
    service_request: str
    service_request_number: str
    worked_at: datetime
    contract_number: str
    minutes: int
    rate: MoneyView
    amount: MoneyView
    charged_at: datetime


@view
class DueView(View):
    """What should have been invoiced since `due_at` and is on no invoice.

    `kind` is time (time to be billed), sale (what was sold), renewal (ahead of a contract's end) or credit:
    time that was billed too high and fits on no draft, an amount below zero. It stands on an `invoice`, as
    `sold`; its `description` is the number of that. `due_on` is the day of the instant. What was sold without
    a contract has none; `description` names what was sold once, or every period.
    """

    kind: str
    customer: str | None
    org_unit: str | None
    party_name: str
    contract: str | None
    contract_number: str | None
    description: str | None
    amount: MoneyView
    sold: str | None
    invoice: str | None
    due_at: datetime
    due_on: date


@view
class UnusedLineView(View):
    """What of a line of an issued invoice is unused, without tax, with the whole line and what was credited.

    `unused_from` is the first day that is unused, null where days do not count.
    """

    invoice: str
    invoice_number: str
    line: str
    description: str
    net: MoneyView
    credited: MoneyView
    unused: MoneyView
    unused_from: date | None


@view
class UnusedPartView(View):
    """What of the invoices of a contract is unused; `ended_at` is null while it has not been cancelled."""

    contract: str
    number: str
    ended_at: datetime | None
    lines: list[UnusedLineView]


@view
class ProductChoice(View):
    """A product that may be sold once, with its price of today; technicians read none."""

    product: str
    code: str
    label: str
    price: MoneyView | None


@view
class SalePeriodView(View):
    """A period of a recurring sale, with its last day, the day on which it is due, and what it costs."""

    first_on: date
    last_on: date
    due_on: date
    amount: MoneyView


@view
class RecurringSaleView(View):
    """A recurring sale. `amount` is the price of a whole period; `state` is to_come, running or ended.

    `made_until` is the last day of the periods that are sold items; `upcoming` are the next ones.
    """

    id: str
    number: str
    customer: str | None
    org_unit: str | None
    party_name: str
    contract: str | None
    contract_number: str | None
    product: str | None
    description: str
    quantity: str
    unit: str
    unit_price: MoneyView
    amount: MoneyView
    tax_rate: str
    every: str
    timing: str
    billing_day: int
    starts_on: date
    last_on: date | None
    state: str
    made_until: date | None
    upcoming: list[SalePeriodView]
    created_at: datetime
    created_by: str
    end_reason: str | None
    version: int


@view
class EndedPeriodView(View):
    """What an end does to a period that is a sold item already.

    `change` is reduced or waived, or to_credit where it is on an invoice: then nothing happens by itself.
    """

    sold: str
    first_on: date
    last_on: date
    before: MoneyView
    after: MoneyView
    change: str
    invoice: str | None


@view
class EndPreview(View):
    """A recurring sale as it would be after its end, and what happens to the periods sold already."""

    sale: RecurringSaleView
    periods: list[EndedPeriodView]


@view
class PaymentLinkView(View):
    """The address of a page on which an invoice is paid online, until when, and how much."""

    id: str
    invoice: str
    url: str
    amount: MoneyView
    expires_at: datetime
