"""Why the contract that covers a service request no longer pays."""

from typing import Any

from sqlalchemy import Row

from engine.contracts import Limits
from workflows.core.transaction import Transaction
from workflows.views.service_requests import ContractOver


def contract_over(tx: Transaction, row: Row[Any], left: Limits | None) -> ContractOver | None:
    """Why the contract no longer pays, from its dates and balance, even if a job is late; None while it pays.

    `row` has the contract's `contract_cancelled_at`, `contract_ended_at`, `contract_expires_at` and
    `contract_type`; `left` is None if it draws nothing. A contract with monthly grants is not exhausted, and
    a held incident still counts.
    """
    dated: tuple[tuple[Any, ContractOver], ...] = (
        (row.contract_cancelled_at, "cancelled"),
        (row.contract_ended_at, "ended"),
        (row.contract_expires_at, "expired"),
    )
    passed = sorted((at, how) for at, how in dated if at is not None and at <= tx.now)
    if passed:
        return passed[0][1]
    if left is None or any(left):
        return None
    rules = tx.config.rule_set
    terms = rules.contract_types.get(row.contract_type) if rules is not None else None
    return None if terms is not None and terms.allocation == "monthly" else "exhausted"
