"""The shipped texts of mail about invoices, payments and quotes. Source: product.md sections 10 and 12."""

from workflows.notifications.mail_template import MailTemplate

PAYER = "the mail address of the billing details"
SENDER = "who sent the quote"
COMPANY = {"company": "Example Support Ltd"}
INVOICE = {
    "number": "INV-2026-0001",
    "customer": "Ann Jones",
    "total": "EUR 119.00",
    "open": "EUR 119.00",
    "due_on": "2026-03-16",
    **COMPANY,
}
CREDIT_NOTE = {
    "number": "CN-2026-0001",
    "invoice": "INV-2026-0001",
    "customer": "Ann Jones",
    "total": "EUR 119.00",
    "reason": "Ordered twice",
    **COMPANY,
}
PAYMENT = {
    "amount": "EUR 119.00",
    "received_on": "2026-03-10",
    "invoices": "INV-2026-0001",
    "customer": "Ann Jones",
    **COMPANY,
}
QUOTE = {"number": "QU-0001", "version": "1", "subject": "Support for 2026", "last_on": "2026-03-31"}
DECIDED = {**QUOTE, "name": "Ann Jones", "comment": "Please start in April."}

BILLING_TEMPLATES: dict[str, MailTemplate] = {
    "invoice_issued": MailTemplate(
        "An invoice was issued; it is attached as PDF",
        PAYER,
        "Invoice {number} from {company}",
        "Hello,\n\nwe have issued invoice {number} for {customer}: {total}. Still to be paid: {open}, by"
        " {due_on}.\n\nThe invoice is attached.\n\n{company}",
        INVOICE,
    ),
    "credit_note_issued": MailTemplate(
        "A credit note was issued; it is attached as PDF",
        PAYER,
        "Credit note {number} from {company}",
        "Hello,\n\nwe have issued credit note {number} for {total}, which corrects invoice {invoice}."
        " Reason: {reason}\n\nThe credit note is attached.\n\n{company}",
        CREDIT_NOTE,
    ),
    "invoice_voided": MailTemplate(
        "An invoice was voided; its credit note is attached as PDF",
        PAYER,
        "Invoice {invoice} is void",
        "Hello,\n\ninvoice {invoice} is void and is not to be paid: credit note {number} for {total} takes it"
        " back. Reason: {reason}\n\nThe credit note is attached.\n\n{company}",
        CREDIT_NOTE,
    ),
    "invoice_due_soon": MailTemplate(
        "An invoice is due soon",
        PAYER,
        "Invoice {number} is due on {due_on}",
        "Hello,\n\nplease remember invoice {number} for {customer} of {total}: {open} is to be paid by"
        " {due_on}.\n\nIf you have paid in the meantime, thank you.\n\n{company}",
        INVOICE,
    ),
    "invoice_overdue": MailTemplate(
        "An invoice is overdue; it is attached as PDF",
        PAYER,
        "Invoice {number} is overdue",
        "Hello,\n\ninvoice {number} for {customer} of {total} was due on {due_on}. {open} is still to be"
        " paid.\n\nIf you have paid in the meantime, thank you. The invoice is attached.\n\n{company}",
        INVOICE,
    ),
    "invoice_dunned": MailTemplate(
        "An overdue invoice has reached a dunning level; it is attached as PDF",
        PAYER,
        "Reminder {level}: invoice {number} is overdue",
        "Hello,\n\ninvoice {number} for {customer} of {total} was due on {due_on}. {open} is still to be"
        " paid.\n\n{text}\n\n{fee}\n\nThe invoice is attached.\n\n{company}",
        {
            **INVOICE,
            "level": "2",
            "text": "Please pay within seven days.",
            "fee": "Invoice INV-2026-0002 charges EUR 5.00 for this reminder.",
        },
    ),
    "payment_received": MailTemplate(
        "A payment was received",
        PAYER,
        "Your payment of {amount}",
        "Hello,\n\nthank you: we have received your payment of {amount} on {received_on}, for {invoices}."
        "\n\n{company}",
        PAYMENT,
    ),
    "payment_reversed": MailTemplate(
        "A payment was taken back",
        PAYER,
        "Your payment of {amount} was taken back",
        "Hello,\n\nyour payment of {amount} of {received_on} was taken back. What it had paid is to be paid"
        " again: {invoices}.\n\n{company}",
        PAYMENT,
    ),
    "quote_sent": MailTemplate(
        "A quote",
        "the customer, or the address that is given",
        "Quote {number} from {company}",
        "Hello,\n\nwe have prepared a quote for you: «{subject}», {total} in total.\n\nIt can be accepted"
        " until {last_on}. Open this link to read it, and to accept or decline it:\n\n{link}\n\nWhoever has"
        " the link can decide, so please do not forward it.\n\n{company}",
        {**QUOTE, **COMPANY, "total": "EUR 119.00", "link": "https://desk.example.com/quote?link=..."},
        frozenset({"link"}),
    ),
    "quote_accepted": MailTemplate(
        "A quote was accepted",
        SENDER,
        "Quote {number} is accepted",
        "{name} has accepted version {version} of {number}, «{subject}».\n\n{comment}",
        DECIDED,
    ),
    "quote_declined": MailTemplate(
        "A quote was declined",
        SENDER,
        "Quote {number} is declined",
        "{name} has declined version {version} of {number}, «{subject}».\n\n{comment}",
        DECIDED,
    ),
    "quote_lapsed": MailTemplate(
        "A quote has lapsed",
        SENDER,
        "Quote {number} has lapsed",
        "Nobody has decided about version {version} of {number} until {last_on}.",
        QUOTE,
    ),
}
"""By the name of the event."""
