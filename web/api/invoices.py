"""API routes of invoices, credit notes and how customers are addressed on them."""

from typing import Annotated, Literal

from pydantic import Field

from engine.invoice_document import DocumentKind
from engine.invoices import DeliveryState, InvoiceState, PaymentState, SoldKind
from web.api.queries import ListQuery, PageQuery, Text
from web.api.routing import RouteGroup, TextResponse
from workflows.billing.documents import files as e_invoices
from workflows.billing.documents.files import DocumentFile
from workflows.billing.invoicing import checks, queries
from workflows.billing.invoicing import drafts as invoicing
from workflows.billing.issuing import credit_notes, processing, voiding
from workflows.billing.issuing import use_cases as issuing
from workflows.billing.overage import credits as overage_credits
from workflows.billing.overage import drafts as overage
from workflows.billing.overage import queries as time_to_bill
from workflows.billing.payments import queries as payment_queries
from workflows.billing.payments import use_cases as payments
from workflows.billing.payments import write_offs
from workflows.billing.reminders import dunning_pause
from workflows.billing.sold import sold_once
from workflows.billing.sold import to_invoice as sold
from workflows.commands.billing import (
    ChangeBilling,
    ChangeInvoice,
    ConfirmInvoice,
    CreditInvoice,
    CreditOverage,
    DraftOverage,
    DraftSold,
    NewInvoice,
    NewPayment,
    PauseDunning,
    ReversePayment,
    ReverseWriteOff,
    VoidInvoice,
    WaiveSold,
    WriteOff,
)
from workflows.commands.selling import ChangeSoldItem, NewSoldItem
from workflows.core.transaction import Transaction
from workflows.register.billing_details import change_billing_details, read_billing_details
from workflows.views import Page
from workflows.views.billing import (
    BilledWorkView,
    BillingView,
    InvoiceDetail,
    InvoiceView,
    PaymentView,
    SoldItemView,
    TimeToBillView,
)

invoices, payment_routes = RouteGroup("Invoices"), RouteGroup("Payments")


class PaymentQuery(ListQuery):
    """Filters of payments. `q` searches reference, invoice number and who paid.

    `invoice` finds those that settled a part of it.
    """

    q: Text | None = None
    customer: Text | None = None
    org_unit: Text | None = None
    invoice: Text | None = None
    state: Literal["recorded", "reversed"] | None = None


class SoldQuery(ListQuery):
    """Filters of what was sold; `state` open is what is to be invoiced.

    `q` searches description, number of the contract or the service request, and who pays.
    """

    q: Text | None = None
    state: Literal["open", "invoiced", "waived"] | None = None
    customer: Text | None = None
    org_unit: Text | None = None
    contract: Text | None = None
    kind: SoldKind | None = None
    service_request: Text | None = None
    recurring_sale: Text | None = None


class TimeToBillQuery(PageQuery):
    """Filters of time to be billed: the one who pays."""

    customer: Text | None = None
    org_unit: Text | None = None


class InvoiceQuery(ListQuery):
    """Filters of invoices and credit notes. `customer` and `org_unit` are ids.

    `delivery` `to_process` finds what was issued and whose contracts or top-ups take effect by processing it.
    `dunning_level` finds overdue invoices by the level that they have reached, 0 for none yet.

    `q` searches number, order number, buyer reference and who pays.
    """

    q: Text | None = None
    customer: Text | None = None
    org_unit: Text | None = None
    kind: DocumentKind | None = None
    state: InvoiceState | None = None
    payment: Literal[PaymentState, "open"] | None = None
    delivery: Literal[DeliveryState, "to_process"] | None = None
    number: Text | None = None
    dunning_level: Annotated[int, Field(ge=0, le=99)] | None = None


@invoices.post("/invoices", status=201)
def create_invoice(tx: Transaction, command: NewInvoice) -> InvoiceDetail:
    """Write a draft for a customer or an org unit. For administrators, finance and supervisors."""
    return queries.read_invoice(tx, invoicing.create_invoice(tx, command))


@invoices.get("/invoices")
def list_invoices(tx: Transaction, query: InvoiceQuery) -> Page[InvoiceView]:
    """List invoices and credit notes. Customers see their own that are issued; technicians none."""
    return queries.list_invoices(tx, **query.given())


@invoices.get("/invoices/{invoice_id}")
def read_invoice(tx: Transaction, invoice_id: str) -> InvoiceDetail:
    """Return one invoice or credit note."""
    return queries.read_invoice(tx, invoice_id)


@invoices.get("/invoices/{invoice_id}.pdf", media_type="application/pdf", conflicts=True)
def read_invoice_pdf(tx: Transaction, invoice_id: str) -> TextResponse:
    """Return what was issued as PDF/A-3, with the e-invoice in it if it was issued as one."""
    return _file(e_invoices.pdf_file(tx, invoice_id))


@invoices.get("/invoices/{invoice_id}.xml", media_type="application/xml", conflicts=True)
def read_invoice_cii(tx: Transaction, invoice_id: str) -> TextResponse:
    """Return the e-invoice in CII: Factur-X (ZUGFeRD) EN 16931, or XRechnung."""
    return _file(e_invoices.cii_file(tx, invoice_id))


@invoices.get("/invoices/{invoice_id}.ubl.xml", media_type="application/xml", conflicts=True)
def read_invoice_ubl(tx: Transaction, invoice_id: str) -> TextResponse:
    """Return the e-invoice in UBL: Peppol BIS Billing 3, or XRechnung."""
    return _file(e_invoices.ubl_file(tx, invoice_id))


@invoices.patch("/invoices/{invoice_id}")
def change_invoice(
    tx: Transaction, invoice_id: str, command: ChangeInvoice, expected_version: int | None
) -> InvoiceDetail:
    """Change a draft. `lines` and `discounts` replace the whole lists."""
    return queries.read_invoice(tx, invoicing.change_invoice(tx, invoice_id, command, expected_version))


@invoices.post("/invoices/{invoice_id}/confirm")
def confirm_invoice(tx: Transaction, invoice_id: str, command: ConfirmInvoice) -> InvoiceDetail:
    """Confirm a draft that the rules find unusual (`invoice_checks.json`), for a reason. Finance alone."""
    return queries.read_invoice(tx, checks.confirm_invoice(tx, invoice_id, command))


@invoices.post("/invoices/{invoice_id}/issue")
def issue_invoice(tx: Transaction, invoice_id: str) -> InvoiceDetail:
    """Issue a draft: it gets its number and never changes afterwards. For finance and administrators.

    Credit of the customer is used on it, the oldest first.
    """
    return queries.read_invoice(tx, issuing.issue_invoice(tx, invoice_id))


@invoices.post("/invoices/{invoice_id}/void")
def void_invoice(tx: Transaction, invoice_id: str, command: VoidInvoice) -> InvoiceDetail:
    """Void a draft, or an issued invoice that was neither paid, corrected nor processed.

    An issued one is taken back by a credit note for the whole of it.
    """
    return queries.read_invoice(tx, voiding.void_invoice(tx, invoice_id, command))


@invoices.post("/invoices/{invoice_id}/credit", status=201)
def credit_invoice(tx: Transaction, invoice_id: str, command: CreditInvoice) -> InvoiceDetail:
    """Issue a credit note: for all that is left of an invoice, or for the lines that are named.

    Returns the credit note. For finance and administrators.
    """
    return queries.read_invoice(tx, credit_notes.credit_invoice(tx, invoice_id, command))


@invoices.post("/invoices/{invoice_id}/process")
def process_invoice(tx: Transaction, invoice_id: str) -> InvoiceDetail:
    """Deliver what an issued invoice sold: its contracts become active, and requests that waited open.

    Where a payment is required, the invoice has to be paid first.
    """
    return queries.read_invoice(tx, processing.process_invoice(tx, invoice_id))


@invoices.post("/invoices/{invoice_id}/dunning/pause")
def pause_dunning(tx: Transaction, invoice_id: str, command: PauseDunning) -> InvoiceDetail:
    """Send no reminders of an invoice up to the end of a day. For finance and administrators."""
    return queries.read_invoice(tx, dunning_pause.pause_dunning(tx, invoice_id, command))


@invoices.post("/invoices/{invoice_id}/dunning/resume")
def resume_dunning(tx: Transaction, invoice_id: str) -> InvoiceDetail:
    """End the pause of an invoice's reminders now. For finance and administrators."""
    return queries.read_invoice(tx, dunning_pause.resume_dunning(tx, invoice_id))


@invoices.post("/invoices/{invoice_id}/write-off")
def write_off_invoice(tx: Transaction, invoice_id: str, command: WriteOff) -> InvoiceDetail:
    """Write off all that is open of an issued invoice. For finance and administrators."""
    return queries.read_invoice(tx, write_offs.write_off_invoice(tx, invoice_id, command))


@invoices.post("/invoices/{invoice_id}/write-off/reverse")
def reverse_write_off(tx: Transaction, invoice_id: str, command: ReverseWriteOff) -> InvoiceDetail:
    """Take back what is written off of an invoice: it is open again. For finance and administrators.

    A payment takes it back by itself, as far as it goes.
    """
    return queries.read_invoice(tx, write_offs.reverse_write_off(tx, invoice_id, command))


@payment_routes.post("/invoices/{invoice_id}/payments", status=201)
def record_payment(tx: Transaction, invoice_id: str, command: NewPayment) -> PaymentView:
    """Record a payment that was received for an issued invoice. For finance alone.

    What is too much becomes credit of the customer, used on the next invoice that is issued.
    """
    return payment_queries.read_payment(tx, payments.record_payment(tx, invoice_id, command))


@payment_routes.get("/payments")
def list_payments(tx: Transaction, query: PaymentQuery) -> Page[PaymentView]:
    """List payments with what they settled. For administrators, finance and supervisors."""
    return payment_queries.list_payments(tx, **query.given())


@payment_routes.get("/payments/{payment_id}")
def read_payment(tx: Transaction, payment_id: str) -> PaymentView:
    """Return one payment with what it settled."""
    return payment_queries.read_payment(tx, payment_id)


@payment_routes.post("/payments/{payment_id}/reverse")
def reverse_payment(tx: Transaction, payment_id: str, command: ReversePayment) -> PaymentView:
    """Take a payment back as a whole: what it settled is open again. For finance alone."""
    return payment_queries.read_payment(tx, payments.reverse_payment(tx, payment_id, command))


@invoices.get("/sold-items")
def list_sold_items(tx: Transaction, query: SoldQuery) -> Page[SoldItemView]:
    """List what was sold at a price while invoices were on; `?state=open` is what is to be invoiced."""
    return sold.list_sold_items(tx, **query.given())


@invoices.get("/sold-items/{sold_item}")
def read_sold_item(tx: Transaction, sold_item: str) -> SoldItemView:
    """Return something that was sold."""
    return sold.read_sold_item(tx, sold_item)


@invoices.patch("/sold-items/{sold_item}")
def change_sold_item(
    tx: Transaction, sold_item: str, command: ChangeSoldItem, expected_version: int | None
) -> SoldItemView:
    """Change what was sold once, on a request or with a contract, until it is on an invoice."""
    return sold.read_sold_item(tx, sold_once.change_sold_once(tx, sold_item, command, expected_version))


@invoices.delete("/sold-items/{sold_item}")
def delete_sold_item(tx: Transaction, sold_item: str) -> None:
    """Delete what was sold once, until it is on an invoice."""
    sold_once.delete_sold_once(tx, sold_item)


@invoices.get("/service-requests/{service_request}/sold-items")
def list_request_items(tx: Transaction, service_request: str, query: ListQuery) -> Page[SoldItemView]:
    """List products, parts, travel and expenses that were sold on a service request."""
    return sold.list_sold_items(tx, service_request=service_request, **query.given())


@invoices.post("/service-requests/{service_request}/sold-items", status=201)
def add_sold_once(tx: Transaction, service_request: str, command: NewSoldItem) -> SoldItemView:
    """Sell a product of the price list, or anything by its description, on a service request.

    A product has the price of its day. Technicians give a price only for what is not a product.
    """
    return sold.read_sold_item(tx, sold_once.add_sold_once(tx, service_request, command))


@invoices.post("/sold-items/draft", status=201)
def draft_sold(tx: Transaction, command: DraftSold) -> InvoiceDetail:
    """Write a draft of what was sold to a customer or an org unit and is not invoiced yet."""
    return queries.read_invoice(tx, sold.draft_sold(tx, command))


@invoices.post("/sold-items/{sold_item}/waive")
def waive_sold(tx: Transaction, sold_item: str, command: WaiveSold) -> SoldItemView:
    """Do not invoice what was sold, for a reason. For finance and administrators."""
    return sold.read_sold_item(tx, sold.waive_sold(tx, sold_item, command))


@invoices.post("/sold-items/{sold_item}/credit", status=201)
def credit_overage(tx: Transaction, sold_item: str, command: CreditOverage) -> InvoiceDetail:
    """Credit time that was billed too high and fits on no draft, on the invoice that billed it.

    Returns the credit note. The time is not taken off a later draft then. For finance and administrators.
    """
    return queries.read_invoice(tx, overage_credits.credit_overage(tx, sold_item, command))


@invoices.get("/sold-items/{sold_item}/work")
def list_billed_work(tx: Transaction, sold_item: str, query: ListQuery) -> Page[BilledWorkView]:
    """List the work that a sold item of time to be billed is made of. Amounts below zero were taken back."""
    return time_to_bill.list_billed_work(tx, sold_item, **query.given())


@invoices.get("/time-to-bill")
def list_time_to_bill(tx: Transaction, query: TimeToBillQuery) -> Page[TimeToBillView]:
    """List the time that is to be billed and is on no invoice yet, the earliest due first."""
    return time_to_bill.list_time_to_bill(tx, **query.given())


@invoices.post("/time-to-bill/draft", status=201)
def draft_overage(tx: Transaction, command: DraftOverage) -> InvoiceDetail:
    """Bill the time of a customer or an org unit that was worked by the end of a month.

    Writes or extends the draft of that month. A job does the same once a month is over.
    """
    return queries.read_invoice(tx, overage.draft_overage(tx, command))


@invoices.get("/customers/{customer_id}/billing")
def read_customer_billing(tx: Transaction, customer_id: str) -> BillingView:
    """Return how a customer is addressed on invoices."""
    return read_billing_details(tx, "customer", customer_id)


@invoices.patch("/customers/{customer_id}/billing")
def change_customer_billing(
    tx: Transaction, customer_id: str, command: ChangeBilling, expected_version: int | None
) -> BillingView:
    """Change how a customer is addressed on invoices. Issued invoices keep what they had."""
    return change_billing_details(tx, "customer", customer_id, command, expected_version)


@invoices.get("/org-units/{org_unit_id}/billing")
def read_org_unit_billing(tx: Transaction, org_unit_id: str) -> BillingView:
    """Return how an org unit is addressed on invoices."""
    return read_billing_details(tx, "org_unit", org_unit_id)


@invoices.patch("/org-units/{org_unit_id}/billing")
def change_org_unit_billing(
    tx: Transaction, org_unit_id: str, command: ChangeBilling, expected_version: int | None
) -> BillingView:
    """Change how an org unit is addressed on invoices. Issued invoices keep what they had."""
    return change_billing_details(tx, "org_unit", org_unit_id, command, expected_version)


def _file(found: DocumentFile) -> TextResponse:
    return TextResponse(found.body, found.content_type)
