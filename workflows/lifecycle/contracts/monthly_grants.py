"""The monthly grants of a contract: granted for its whole period when it becomes active.

Until then nothing is stored; for questions about the future the same months are computed from its dates.
Source: product.md sections 4 and 11.
"""

from collections.abc import Iterable
from typing import Any

from engine.contracts import Contract, Grant, grant_window
from engine.periods import months_between
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import StoredGrant
from workflows.lifecycle.contracts.loaded import LoadedContract
from workflows.lifecycle.contracts.month_allocation import grant_months
from workflows.lifecycle.contracts.rows import contract_value

TO_COME = "to_come"
"""The kind of a grant that is not granted yet: it counts, but is not a record."""


def allocate_months(tx: Transaction, loaded: LoadedContract) -> None:
    """Grant each month's allocation of a contract that is sold by the month, for its whole period."""
    if loaded.monthly_minutes is None:
        return
    grant_months(tx, loaded.contract, loaded.monthly_minutes, loaded.carry_over)
    loaded.forget_grants()


def months_to_come(row: Any) -> list[StoredGrant]:
    """The monthly grants of a contract that has yet to start; none once they have been granted.

    None either while it awaits being enabled or paid, since it may never start. Units: whole minutes.
    """
    contract = contract_value(row)
    waits = contract.enabled_at is None or (contract.payment_due and contract.paid_at is None)
    if row.monthly_minutes is None or row.activated_at is not None or waits or contract.ended_at is not None:
        return []
    return list(_months_as_grants(contract, row.monthly_minutes))


def _months_as_grants(contract: Contract, monthly_minutes: int) -> Iterable[StoredGrant]:
    if contract.expires_at is None:
        return
    months = months_between(contract.starts_at, contract.expires_at, contract.zone)
    for number, month in enumerate(months, 1):
        grant = Grant(
            f"month {number}",
            contract.id,
            "minutes",
            monthly_minutes,
            month.start,
            month.end,
            monthly_minutes,
        )
        window = grant_window(grant, contract.window)
        if window is not None:
            yield StoredGrant(grant, 0, 0, window.start, window.until, False, TO_COME, None)
