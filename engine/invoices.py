"""States of an invoice, and its payment as of an instant. Source: product.md section 10."""

from datetime import datetime
from typing import Literal, get_args

from engine.invoice_document import DocumentKind, TaxCategory

InvoiceState = Literal["draft", "issued", "void"]
PaymentState = Literal["unpaid", "part_paid", "paid", "overdue", "written_off"]
DeliveryState = Literal["undelivered", "delivered"]
AllocationKind = Literal["payment", "credit", "credit_note", "early_payment", "write_off"]
"""What settles an invoice: a payment, credit of the customer from before, a credit note that corrects it, the
discount for early payment that came with a payment, the write-off of what will not be paid."""
PaymentMethod = Literal["transfer", "card", "direct_debit", "cash", "cheque", "other"]
ItemKind = Literal["one_off", "part", "travel", "expense"]
"""What is sold once, with contracts or on requests: of the price list or as free text."""
SoldKind = Literal["contract", "renewal", "top_up", "overage", "recurring", ItemKind]

DOCUMENT_KINDS: tuple[DocumentKind, ...] = get_args(DocumentKind)
INVOICE_STATES: tuple[InvoiceState, ...] = get_args(InvoiceState)
PAYMENT_STATES: tuple[PaymentState, ...] = get_args(PaymentState)
DELIVERY_STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
ALLOCATION_KINDS: tuple[AllocationKind, ...] = get_args(AllocationKind)
PAYMENT_METHODS: tuple[PaymentMethod, ...] = get_args(PaymentMethod)
ITEM_KINDS: tuple[ItemKind, ...] = get_args(ItemKind)
CONTRACT_SOLD: tuple[SoldKind, ...] = ("contract", "renewal", "top_up")
"""What a contract is sold as: it is delivered over time, and processing its invoice takes effect on it."""
SOLD_KINDS: tuple[SoldKind, ...] = (*CONTRACT_SOLD, "overage", "recurring", *ITEM_KINDS)
TAX_CATEGORIES: tuple[TaxCategory, ...] = get_args(TaxCategory)


def payment_state(
    total_minor: int,
    open_minor: int,
    overdue_at: datetime | None,
    at: datetime,
    *,
    written_off_minor: int = 0,
) -> PaymentState:
    """The payment of an invoice of which `open_minor` is open at an instant.

    What is open from `overdue_at` on, the first instant after the due day, is overdue, also where a part has
    been paid. An invoice of nothing is paid, one of which the rest was written off is not.
    """
    if open_minor <= 0:
        return "written_off" if written_off_minor else "paid"
    if overdue_at is not None and at >= overdue_at:
        return "overdue"
    return "part_paid" if open_minor < total_minor else "unpaid"
