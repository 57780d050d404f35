"""The actions on a contract by their commands, for pages and API; a preview runs the same use case.

Source: product.md section 5.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from workflows.billing.issuing.unused_part import cancel_and_credit, credit_unused_part
from workflows.commands.billing import CreditUnusedPart
from workflows.commands.contracts import (
    Adjust,
    AmendContract,
    CancelAndCredit,
    CancelContract,
    ContractAction,
    EnableContract,
    Renew,
    SetAutoTopUp,
    TopUp,
    TransferContract,
)
from workflows.contracts.access import contract_row
from workflows.contracts.amending import amend_contract, transfer_contract
from workflows.contracts.auto_top_up import set_auto_top_up
from workflows.contracts.effective_dates import effective_instant
from workflows.contracts.permitted_actions import SELLERS
from workflows.contracts.use_cases import adjust, cancel_contract, enable_contract, renew, top_up
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_due
from workflows.lifecycle.contracts.rows import contract_value
from workflows.views.effects import TakesEffect

USE_CASES: dict[type[Any], Callable[[Transaction, str, Any], str]] = {
    EnableContract: enable_contract,
    TopUp: top_up,
    SetAutoTopUp: set_auto_top_up,
    Adjust: adjust,
    Renew: renew,
    AmendContract: amend_contract,
    TransferContract: transfer_contract,
    CancelContract: cancel_contract,
    CancelAndCredit: cancel_and_credit,
    CreditUnusedPart: credit_unused_part,
}
"""The use case of each command; it returns the id of the contract to show afterwards."""
SCHEDULED = (EnableContract, AmendContract, TransferContract, CancelContract)
"""The commands whose effect, if they give a later instant, comes by a job at that instant."""


def perform_action(tx: Transaction, contract_id: str, command: Any) -> str:
    """Run the use case of a command. Returns the id of the contract to show. Raises: as the use case."""
    return USE_CASES[type(command)](tx, contract_id, command)


def preview_action(tx: Transaction, contract_id: str, command: Any) -> TakesEffect | None:
    """Run the use case of a command in a transaction to be rolled back, up to the instant of its effect.

    For an effect in the future, what is due of the contract by then is applied as the jobs will do, so that
    the preview names what changes then. Returns that instant; None if it is now. Raises: as the use case.
    """
    tx.require(*SELLERS)
    later = None
    if isinstance(command, SCHEDULED) and isinstance(command, ContractAction):
        later = effective_instant(tx, contract_value(contract_row(tx, contract_id)), command)
    perform_action(tx, contract_id, command)
    if later is None or later <= tx.now:
        return None
    settle_due(replace(tx, now=later), contract_id)
    return TakesEffect(later)
