"""What a role may do with an invoice in its state. Source: product.md sections 2 and 10."""

from typing import Any

from sqlalchemy import Row

from workflows.core.actors import OFFICE, Role

ISSUERS: tuple[Role, ...] = ("administrator", "finance")
"""They issue and credit, and void what is issued."""
CASHIERS: tuple[Role, ...] = ("finance",)
"""Finance alone records and reverses payments."""


def possible_actions(
    role: Role, row: Row[Any], *, is_untouched: bool, creditable: bool, is_paused: bool, waits: bool
) -> list[str]:
    """The actions that a role and the invoice's state allow now.

    `is_untouched`: nothing was paid or credited. `creditable`: something is left to be credited. `is_paused`:
    no reminders are sent now. `waits`: it is a draft that finance has to confirm first.
    """
    owed = _is_issued(row) and row.open_minor > 0
    allowed = {
        "change": row.state == "draft" and role in OFFICE,
        "confirm": waits and role in CASHIERS,
        "issue": row.state == "draft" and not waits and role in ISSUERS,
        "void": (row.state == "draft" and role in OFFICE)
        or (_is_issued(row) and row.delivered_at is None and is_untouched and role in ISSUERS),
        "credit": _is_issued(row) and creditable and not row.written_off_minor and role in ISSUERS,
        "pay": _is_issued(row) and role in CASHIERS,
        "process": _is_issued(row) and row.delivered_at is None and role in OFFICE,
        "pause": owed and role in ISSUERS,
        "write_off": owed and role in ISSUERS,
        "reverse_write_off": _is_issued(row) and row.written_off_minor > 0 and role in ISSUERS,
        "resume": owed and is_paused and role in ISSUERS,
    }
    return [name for name, possible in allowed.items() if possible]


def _is_issued(row: Row[Any]) -> bool:
    return bool(row.kind == "invoice" and row.state == "issued")
