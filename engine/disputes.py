"""The codes of disputes: what a customer may object to, and how an objection stands.

Source: product.md section 10 (Dispute).
"""

from typing import Literal

DisputeKind = Literal["work_entry", "statement_line", "invoice_line"]
DisputeState = Literal["open", "accepted", "declined"]

DISPUTE_KINDS: tuple[DisputeKind, ...] = ("work_entry", "statement_line", "invoice_line")
DISPUTE_STATES: tuple[DisputeState, ...] = ("open", "accepted", "declined")
