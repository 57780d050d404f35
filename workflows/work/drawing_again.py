"""Drawing work again whose charge has changed, and bringing the contracts that it concerns up to date.

Source: product.md section 7 (Time worked decides, not time typed).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from workflows.charging.charges import ChargedAgain
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_loaded_and_cover, settle_loaded_due
from workflows.lifecycle.contracts.connected_work import Change
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.redraw import redraw
from workflows.lifecycle.contracts.settlement import sync_loaded
from workflows.work.planning import load_payers


def draw_again(
    tx: Transaction,
    changed: Sequence[tuple[Row[Any], ChargedAgain]],
    contracts: LoadedContracts,
    *,
    cause: str,
) -> None:
    """Draw entries again, each with its service request, and all that comes after them.

    The entries are stored as they are now; the coverage of the last one's request is left alone.
    Raises: IntegrityError where a balance would go below zero.
    """
    if not changed:
        return
    for request, one in changed:
        at, work_type = one.worked.started_at, one.entry.work_type
        settle_payers(tx, load_payers(tx, request, one.terms, at, work_type, contracts), contracts)
    since = min(at for _, one in changed for at in (one.entry.started_at, one.worked.started_at))
    change = Change(since, cause, entries=frozenset(one.entry.id for _, one in changed))
    settle(tx, changed[-1][0].id, redraw(tx, change, contracts), contracts)


def settle_payers(tx: Transaction, payers: Iterable[LoadedContract], contracts: LoadedContracts) -> bool:
    """Apply the due changes of contracts, as the jobs do. Returns whether there were any."""
    settled = [payer.id for payer in payers if settle_loaded_due(tx, payer)]
    if settled:
        contracts.forget()
    return bool(settled)


def settle(
    tx: Transaction,
    request_id: str,
    contract_ids: Iterable[str],
    contracts: LoadedContracts,
    *,
    gave_back: bool = True,
) -> None:
    """Bring contracts up to now, and cover requests that wait for them with what was given back.

    The coverage of the request itself, by id, is left alone. If nothing was given back (`gave_back`), no
    request is searched for: where minutes were only drawn, none finds what it did not find before.
    """
    for contract_id in sorted(set(contract_ids)):
        loaded = contracts[contract_id]
        if not gave_back and (loaded.amends_at is None or loaded.amends_at > tx.now):
            sync_loaded(tx, loaded)
        elif settle_loaded_and_cover(tx, loaded, skip=request_id):
            contracts.forget()
