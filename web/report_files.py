"""Reports as rows of CSV, for pages and API."""

from collections.abc import Iterable, Iterator
from typing import Any

HOURS_CSV = (
    "party", "party_name", "contract", "contract_number", "month", "unit",
    "sold", "used", "held", "expired", "carried", "carried_drawn",
)  # fmt: skip

UNCOVERED_CSV = (
    "party", "party_name", "contract", "contract_number", "month",
    "carried", "ignored", "overage", "overage_minor", "currency",
)  # fmt: skip

SERVICE_LEVELS_CSV = (
    "party", "party_name", "level", "level_label", "month",
    "response_met", "response_missed", "response_open",
    "resolution_met", "resolution_missed", "resolution_open",
)  # fmt: skip
TARGETS_CSV = (
    "number", "subject", "party_name", "level_label", "opened_at", "response", "resolution",
)  # fmt: skip

UTILIZATION_CSV = (
    "technician", "technician_name", "party", "party_name", "contract", "contract_number", "month",
    "worked", "chargeable", "not_billable",
)  # fmt: skip
WORK_CSV = (
    "worked_at", "service_request_number", "subject", "party_name", "technician_name", "contract_number",
    "worked", "chargeable", "not_billable",
)  # fmt: skip

ENDINGS_CSV = (
    "contract", "number", "type", "holder", "holder_name", "by", "ends_at", "last_day", "minutes_left",
    "renewed_by", "renewal_value_minor", "currency",
)  # fmt: skip
MARGIN_CSV = (
    "contract", "contract_number", "holder_name", "revenue_minor", "cost_minor", "margin_minor", "currency",
    "worked", "unpriced",
)  # fmt: skip
REVENUE_CSV = (
    "month", "contract", "contract_number", "kind", "sold", "invoice", "invoice_number", "revenue_minor",
    "currency",
)  # fmt: skip

TIME_TO_BILL_CSV = (
    "party", "party_name", "contract", "contract_number", "month", "minutes", "rate_minor", "amount_minor",
    "currency", "due_on",
)  # fmt: skip
DUE_CSV = (
    "kind", "party", "party_name", "contract", "contract_number", "amount_minor", "currency", "due_at",
    "due_on", "description", "sold", "invoice",
)  # fmt: skip
BILLED_WORK_CSV = (
    "service_request_number", "worked_at", "contract_number", "minutes", "rate_minor", "amount_minor",
    "currency", "charged_at",
)  # fmt: skip


def csv_rows(names: Iterable[str], rows: Iterable[Any], **same: Any) -> Iterator[list[Any]]:
    """The rows of a report by the names of their fields; `same` are fields that all rows share."""
    wanted = list(names)
    return ([same[name] if name in same else _field(row, name) for name in wanted] for row in rows)


def _field(row: Any, name: str) -> Any:
    """A field of a row: a party or a holder as `customer:ID`, an amount in minor units and its currency."""
    if name == "party" and not hasattr(row, name):
        return f"customer:{row.customer}" if row.customer is not None else f"org_unit:{row.org_unit}"
    if not hasattr(row, name) and (name == "currency" or name.endswith("_minor")):
        money = getattr(row, name.removesuffix("_minor") if name != "currency" else _money_field(row))
        return None if money is None else money.currency if name == "currency" else money.amount_minor
    value = getattr(row, name)
    if isinstance(value, dict):
        return ", ".join(f"{kind}:{record_id}" for kind, record_id in value.items())
    return value


def _money_field(row: Any) -> str:
    """The amount of a row whose currency is that of the row."""
    return "renewal_value" if hasattr(row, "renewal_value") else "amount"
