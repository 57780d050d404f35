"""Labels of the codes in statements, for pages and documents, in the reader's language."""

from web.languages import Texts, mark

GRANT_KINDS = Texts(
    {
        "sold": mark("Initial grant"),
        "top_up": mark("Top-up"),
        "allocation": mark("Monthly allocation"),
        "carry_over": mark("Carried over"),
        "adjustment": mark("Adjustment"),
    }
)
MOVEMENTS = Texts(
    {
        "grant": mark("Granted"),
        "withdraw": mark("Withdrawn"),
        "draw": mark("Drawn for work"),
        "hold": mark("Held for a request"),
        "settle": mark("Used by a request"),
        "release": mark("Released by a request"),
        "expire": mark("Expired unused"),
        "restore": mark("Restored"),
        "carry": mark("Carried forward"),
        "draw_carried": mark("Carried time drawn"),
        "ignore": mark("Recorded, not billed"),
        "overage": mark("Overage to bill"),
        "reversal": mark("Reversed"),
        "redate": mark("Moved to a reopened period"),
        "carry_over": mark("Carried over to later months"),
        "borrow": mark("Drawn ahead on the next month"),
        "repay": mark("Drawn ahead in the month before"),
        "invoice": mark("Invoice issued"),
        "credit_note": mark("Credit note issued"),
        "payment": mark("Payment received"),
        "payment_back": mark("Payment taken back"),
        "credit_used": mark("Customer credit used"),
        "credit_given": mark("Customer credit given"),
        "write_off": mark("Write-off"),
        "recognize": mark("Revenue recognized"),
        "breakage": mark("Revenue of what was left unused"),
    }
)
CHANGES = Texts(
    {
        "amended": mark("Terms changed"),
        "transferred": mark("Transferred"),
        "renewed": mark("Renewed"),
    }
)
"""Changes of a contract in its statement, which move nothing."""
DISPUTES = Texts(
    {
        "open": mark("In dispute"),
        "accepted": mark("Dispute accepted"),
        "declined": mark("Dispute declined"),
    }
)
"""What a line of a document says of the dispute about it."""
ACCOUNTS = Texts(
    {
        "receivable": mark("Receivables"),
        "cash": mark("Cash"),
        "customer_credit": mark("Customer credit"),
        "deferred_revenue": mark("Deferred revenue"),
        "revenue": mark("Revenue"),
        "tax": mark("Tax"),
        "discount": mark("Discounts for early payment"),
        "write_off": mark("Write-offs"),
    }
)
"""The accounts of money."""
