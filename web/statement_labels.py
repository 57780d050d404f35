"""Labels of the codes in statements, for pages and documents."""

GRANT_KINDS = {
    "sold": "Initial grant",
    "top_up": "Top-up",
    "allocation": "Monthly allocation",
    "carry_over": "Carried over",
    "adjustment": "Adjustment",
}
MOVEMENTS = {
    "grant": "Granted",
    "withdraw": "Withdrawn",
    "draw": "Drawn for work",
    "hold": "Held for a request",
    "settle": "Used by a request",
    "release": "Released by a request",
    "expire": "Expired unused",
    "restore": "Restored",
    "carry": "Carried forward",
    "draw_carried": "Carried time drawn",
    "ignore": "Recorded, not billed",
    "overage": "Overage to bill",
    "reversal": "Reversed",
    "redate": "Moved to a reopened period",
    "carry_over": "Carried over to later months",
    "borrow": "Drawn ahead on the next month",
    "repay": "Drawn ahead in the month before",
    "invoice": "Invoice issued",
    "credit_note": "Credit note issued",
    "payment": "Payment received",
    "payment_back": "Payment taken back",
    "credit_used": "Customer credit used",
    "credit_given": "Customer credit given",
    "write_off": "Write-off",
    "recognize": "Revenue recognized",
    "breakage": "Revenue of what was left unused",
}
ACCOUNTS = {
    "receivable": "Receivables",
    "cash": "Cash",
    "customer_credit": "Customer credit",
    "deferred_revenue": "Deferred revenue",
    "revenue": "Revenue",
    "tax": "Tax",
    "discount": "Discounts for early payment",
    "write_off": "Write-offs",
}
"""The accounts of money."""
