"""The differences of a replay as table rows: one value per column, for CSV files of command line and page."""

from engine.payers import ALLOCATION_KINDS
from workflows.core.csv_text import cell
from workflows.views.replays import DifferenceView

KINDS = (*ALLOCATION_KINDS, "not_worked")


def replay_columns() -> list[str]:
    """Return the column names."""
    named = [f"{kind}_minutes_{side}" for side in ("before", "after") for kind in KINDS]
    return [
        "decision", "service_request", "number", "decided_at", "cause", "changes",
        "outcome_before", "contract_before", "rule_before",
        "outcome_after", "contract_after", "rule_after",
        "worked_minutes", "chargeable_minutes_before", "chargeable_minutes_after", *named,
        "overage_minor_before", "overage_minor_after", "currency", "price_minor_before", "price_minor_after",
        "invoices", "invoiced_minor_before", "invoiced_minor_after",
    ]  # fmt: skip


def replay_row(one: DifferenceView) -> list[object]:
    """Return one difference in the order of `replay_columns`.

    Minutes are whole, money is in minor units. An invoice has its number, a draft its id, and what is not
    invoiced yet is "-". Text that a spreadsheet would run as a formula is escaped.
    """
    values: list[object] = [
        one.decision, one.service_request, one.number, one.decided_at, one.cause, " ".join(one.changes),
        one.before.outcome, one.before.contract_number or one.before.type, one.before.rule,
        one.after.outcome, one.after.contract_number or one.after.type, one.after.rule,
        one.worked_minutes, one.chargeable_before, one.chargeable_after,
        *(one.minutes_before.get(kind, 0) for kind in KINDS),
        *(one.minutes_after.get(kind, 0) for kind in KINDS),
        one.overage_before.amount_minor, one.overage_after.amount_minor, one.overage_after.currency,
        *(price.amount_minor if price is not None else None for price in (one.price_before, one.price_after)),
        " ".join(invoice.number or invoice.invoice or "-" for invoice in one.invoices),
        sum(invoice.before_minor for invoice in one.invoices),
        sum(invoice.after_minor for invoice in one.invoices),
    ]  # fmt: skip
    return [cell(value) for value in values]
