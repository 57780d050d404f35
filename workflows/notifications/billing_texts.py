"""The shipped texts of mail about invoices, payments and quotes. Source: product.md sections 10 and 12."""

from workflows.languages.texts import mark
from workflows.notifications.mail_template import MailTemplate

PAYER = mark("the email address of the billing details")
SENDER = mark("the person who sent the quote")
COMPANY = {"company": "Example Support Ltd"}
INVOICE = {
    "number": "INV-2026-0001",
    "customer": "Ann Jones",
    "total": mark("EUR 119.00"),
    "open": mark("EUR 119.00"),
    "due_on": mark("2026-03-16"),
    **COMPANY,
}
CREDIT_NOTE = {
    "number": "CN-2026-0001",
    "invoice": "INV-2026-0001",
    "customer": "Ann Jones",
    "total": mark("EUR 119.00"),
    "reason": mark("Ordered twice"),
    **COMPANY,
}
PAYMENT = {
    "amount": mark("EUR 119.00"),
    "received_on": mark("2026-03-10"),
    "invoices": "INV-2026-0001",
    "customer": "Ann Jones",
    **COMPANY,
}
QUOTE = {
    "number": "QU-0001",
    "version": "1",
    "subject": mark("Support for 2026"),
    "last_on": mark("2026-03-31"),
}
DECIDED = {**QUOTE, "name": "Ann Jones", "comment": mark("Please start in April.")}

DISPUTE = {
    "customer": "Ann Jones",
    "what": mark("the entry of 0:30 at 2026-03-02 09:00 (UTC) on SR-1001"),
    "reason": mark("The call took ten minutes."),
    **COMPANY,
}
DECIDED_DISPUTE = {**DISPUTE, "effect": mark("The entry is not billed.")}

BILLING_TEMPLATES: dict[str, MailTemplate] = {
    "invoice_issued": MailTemplate(
        mark("An invoice was issued; it is attached as PDF"),
        PAYER,
        mark("Invoice {number} from {company}"),
        mark(
            "Hello,\n\nwe have issued invoice {number} for {customer}: {total}. Still to be paid: {open}, by"
            " {due_on}.\n\nThe invoice is attached.\n\n{company}"
        ),
        INVOICE,
    ),
    "credit_note_issued": MailTemplate(
        mark("A credit note was issued; it is attached as PDF"),
        PAYER,
        mark("Credit note {number} from {company}"),
        mark(
            "Hello,\n\nwe have issued credit note {number} for {total}, which corrects invoice {invoice}."
            " Reason: {reason}\n\nThe credit note is attached.\n\n{company}"
        ),
        CREDIT_NOTE,
    ),
    "invoice_voided": MailTemplate(
        mark("An invoice was voided; its credit note is attached as PDF"),
        PAYER,
        mark("Invoice {invoice} is void"),
        mark(
            "Hello,\n\ninvoice {invoice} is void and is not to be paid: credit note {number} for {total} "
            "takes it"
            " back. Reason: {reason}\n\nThe credit note is attached.\n\n{company}"
        ),
        CREDIT_NOTE,
    ),
    "invoice_due_soon": MailTemplate(
        mark("An invoice is due soon"),
        PAYER,
        mark("Invoice {number} is due on {due_on}"),
        mark(
            "Hello,\n\nplease remember invoice {number} for {customer} of {total}: {open} is to be paid by"
            " {due_on}.\n\nIf you have paid in the meantime, thank you.\n\n{company}"
        ),
        INVOICE,
    ),
    "invoice_overdue": MailTemplate(
        mark("An invoice is overdue; it is attached as PDF"),
        PAYER,
        mark("Invoice {number} is overdue"),
        mark(
            "Hello,\n\ninvoice {number} for {customer} of {total} was due on {due_on}. {open} is still to be"
            " paid.\n\nIf you have paid in the meantime, thank you. The invoice is attached.\n\n{company}"
        ),
        INVOICE,
    ),
    "invoice_dunned": MailTemplate(
        mark("An overdue invoice has reached a dunning level; it is attached as PDF"),
        PAYER,
        mark("Reminder {level}: invoice {number} is overdue"),
        mark(
            "Hello,\n\ninvoice {number} for {customer} of {total} was due on {due_on}. {open} is still to be"
            " paid.\n\n{text}\n\n{fee}\n\nThe invoice is attached.\n\n{company}"
        ),
        {
            **INVOICE,
            "level": "2",
            "text": mark("Please pay within seven days."),
            "fee": mark("Invoice INV-2026-0002 charges EUR 5.00 for this reminder."),
        },
    ),
    "payment_received": MailTemplate(
        mark("A payment was received"),
        PAYER,
        mark("Your payment of {amount}"),
        mark(
            "Hello,\n\nthank you: we have received your payment of {amount} on {received_on}, for {invoices}."
            "\n\n{company}"
        ),
        PAYMENT,
    ),
    "payment_reversed": MailTemplate(
        mark("A payment was taken back"),
        PAYER,
        mark("Your payment of {amount} was taken back"),
        mark(
            "Hello,\n\nyour payment of {amount} of {received_on} was taken back. What it had paid is to be "
            "paid"
            " again: {invoices}.\n\n{company}"
        ),
        PAYMENT,
    ),
    "dispute_opened": MailTemplate(
        mark("A customer objects to an entry or a line"),
        mark("supervisors and finance"),
        mark("{customer} objects to {what}"),
        mark(
            "{customer} objects to {what}: {reason}\n\nUntil it is decided, the entry is not billed, "
            "and no reminders are sent for the invoice."
        ),
        DISPUTE,
    ),
    "dispute_accepted": MailTemplate(
        mark("A dispute was accepted"),
        mark("the customer who objects"),
        mark("Your objection to {what} is accepted"),
        mark("Hello,\n\nwe have accepted your objection to {what}. {effect}\n\n{reason}\n\n{company}"),
        DECIDED_DISPUTE,
    ),
    "dispute_declined": MailTemplate(
        mark("A dispute was declined"),
        mark("the customer who objects"),
        mark("Your objection to {what} is declined"),
        mark("Hello,\n\nwe have declined your objection to {what}.\n\n{reason}\n\n{company}"),
        DISPUTE,
    ),
    "quote_sent": MailTemplate(
        mark("A quote"),
        mark("the customer, or the address that is given"),
        mark("Quote {number} from {company}"),
        mark(
            "Hello,\n\nwe have prepared a quote for you: «{subject}», {total} in total.\n\nIt can be accepted"
            " until {last_on}. Open this link to read it, and to accept or decline it:\n\n{link}\n\n"
            "Whoever has the link can decide, so please do not forward it.\n\n{company}"
        ),
        {**QUOTE, **COMPANY, "total": mark("EUR 119.00"), "link": "https://desk.example.com/quote?link=..."},
        frozenset({"link"}),
    ),
    "quote_accepted": MailTemplate(
        mark("A quote was accepted"),
        SENDER,
        mark("Quote {number} is accepted"),
        mark("{name} has accepted version {version} of {number}, «{subject}».\n\n{comment}"),
        DECIDED,
    ),
    "quote_declined": MailTemplate(
        mark("A quote was declined"),
        SENDER,
        mark("Quote {number} is declined"),
        mark("{name} has declined version {version} of {number}, «{subject}».\n\n{comment}"),
        DECIDED,
    ),
    "quote_lapsed": MailTemplate(
        mark("A quote has lapsed"),
        SENDER,
        mark("Quote {number} has lapsed"),
        mark("Nobody decided about version {version} of {number} by {last_on}."),
        QUOTE,
    ),
}
"""By the name of the event."""
