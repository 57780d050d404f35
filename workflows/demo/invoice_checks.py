"""The check of invoices of the demonstration, and a draft that waits for finance by it."""

import json
from collections.abc import Mapping
from functools import partial

from workflows.billing.invoicing.drafts import create_invoice
from workflows.commands.billing import NewInvoice
from workflows.demo.rates import CURRENCY
from workflows.demo.timeline import Timeline

MOST_MINOR = 2_000_000
"""A draft of more than this is unusual; no other of the demonstration is."""


def with_invoice_check(files: Mapping[str, str]) -> dict[str, str]:
    """The rule files with a rule by which a large invoice is confirmed first."""
    rule = {
        "id": "large",
        "why": "It is for more than 20,000.00.",
        "conditions": {"all": [{"name": "total_minor", "operator": "greater_than", "value": MOST_MINOR}]},
        "actions": [{"name": "require_confirmation"}],
    }
    examples = [
        {"name": "A large invoice", "facts": {"total_minor": MOST_MINOR + 1}, "reasons": ["large"]},
        {"name": "Any other", "facts": {"total_minor": MOST_MINOR}, "reasons": []},
    ]
    checks = {
        "$schema": "schema/invoice_checks.schema.json",
        "name": "Large invoices are confirmed",
        "rules": [rule],
        "examples": examples,
    }
    return {**files, "invoice_checks.json": json.dumps(checks, indent=2) + "\n"}


def plan_unusual_draft(timeline: Timeline, tax_rate: str) -> None:
    """Plan the draft of a large project, which finance has to confirm before it is issued."""
    command = NewInvoice.model_validate(
        {
            "org_unit": timeline.ids["unit:MF"],
            "lines": [
                {
                    "description": "Racks, cooling and cabling",
                    "quantity": "1",
                    "unit_price": {"amount_minor": 2_480_000, "currency": CURRENCY},
                    "tax_rate": tax_rate,
                }
            ],
        }
    )
    timeline.plan(timeline.at(2, 11), "supervisor", partial(create_invoice, command=command))
