"""How the contract that covers a service request came to pay no more."""

from typing import Any

from sqlalchemy import Row

from engine.contracts import Limits
from workflows.core.transaction import Transaction
from workflows.views.service_requests import ContractOver


def contract_over(tx: Transaction, row: Row[Any], left: Limits | None) -> ContractOver | None:
    """By its dates and what is left of it, so that a late job changes no words; None while it pays.

    `row` has the contract's `contract_cancelled_at`, `contract_ended_at`, `contract_expires_at` and
    `contract_type`; `left` is None for one that draws nothing. Hours by the month come again; an incident
    that is held is still to be used.
    """
    dated: tuple[tuple[Any, ContractOver], ...] = (
        (row.contract_cancelled_at, "cancelled"),
        (row.contract_ended_at, "ended"),
        (row.contract_expires_at, "expired"),
    )
    passed = sorted((at, how) for at, how in dated if at is not None and at <= tx.now)
    if passed:
        return passed[0][1]
    if left is None or left.minutes_available or left.incidents_available or left.incidents_held:
        return None
    rules = tx.config.rule_set
    terms = rules.contract_types.get(row.contract_type) if rules is not None else None
    return None if terms is not None and terms.allocation == "monthly" else "exhausted"
