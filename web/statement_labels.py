"""Labels of the codes in statements, for pages and documents."""

GRANT_KINDS = {
    "sold": "Initial grant",
    "top_up": "Top-up",
    "allocation": "Monthly allocation",
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
}
