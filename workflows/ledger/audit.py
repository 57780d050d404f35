"""The audit of the ledger: recompute everything that is stored from the postings, and verify every chain.

It reads one snapshot in batches: its memory does not grow with the ledger. What it proves, and what not, is
in the README of this package. Source: product.md section 8.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, select

from workflows.core.actors import OFFICE
from workflows.core.transaction import Transaction
from workflows.core.transaction_mode import Mode, TransactionState
from workflows.ledger.audit_allocations import audit_allocations
from workflows.ledger.audit_balances import audit_balances
from workflows.ledger.audit_chains import audit_chains
from workflows.ledger.audit_checkpoints import audit_checkpoints
from workflows.ledger.audit_collections import rare_full_collections
from workflows.ledger.audit_receivables import audit_receivables
from workflows.ledger.checkpoints import GivenCheckpoint
from workflows.ledger.differences import Counts, Difference, Progress, first_of, with_contract_numbers
from workflows.store.planner import NOT_BY_INDEX

Check = Callable[[Transaction], Iterator[Difference]]


@dataclass(frozen=True, slots=True)
class AuditView:
    """The result of an audit, with at most the first 1,000 differences of `difference_count`.

    `against` is the number of the checkpoint with which the ledger was compared.
    """

    ok: bool
    transactions: int
    postings: int
    differences: list[Difference]
    difference_count: int
    chains: int
    checkpoints: int
    against: int | None = None


def audit_ledger(
    tx: Transaction,
    *,
    against: GivenCheckpoint | None = None,
    progress: Progress | None = None,
    also: Check | None = None,
) -> AuditView:
    """Recompute all balances from the postings and verify each transaction, without changing anything.

    With `against`, the ledger is also compared with a checkpoint that was stored elsewhere. `progress` is
    called with the transactions read, of how many; `also` is a further check of the same snapshot.
    Raises: NotAllowed for a role that does not read the ledger. Source: product.md section 8.
    """
    tx.require(*OFFICE)
    database = tx.runner.database

    def read(connection: Connection) -> AuditView:
        state = TransactionState(connection, Mode.READ_ONLY, database)
        with rare_full_collections():
            return _audit(replace(tx, state=state), against, progress, also)

    return database.in_snapshot(read)


def _audit(
    tx: Transaction, against: GivenCheckpoint | None, progress: Progress | None, also: Check | None
) -> AuditView:
    """Run all checks on one snapshot; with one per statement, concurrent writes would look like faults."""
    counts = Counts()
    differences = with_contract_numbers(tx, first_of(_check(tx, counts, against, progress, also), counts))
    return AuditView(
        ok=not counts.differences,
        transactions=counts.transactions,
        postings=counts.postings,
        differences=differences,
        difference_count=counts.differences,
        chains=counts.chains,
        checkpoints=counts.checkpoints,
        against=against.number if against is not None else None,
    )


def _check(
    tx: Transaction,
    counts: Counts,
    against: GivenCheckpoint | None,
    progress: Progress | None,
    also: Check | None,
) -> Iterator[Difference]:
    _plan_by_index(tx, "off")
    yield from audit_chains(tx, counts, progress)
    yield from audit_balances(tx)
    _plan_by_index(tx, "on")
    yield from audit_allocations(tx)
    yield from audit_receivables(tx)
    yield from audit_checkpoints(tx, counts, against)
    if also is not None:
        yield from also(tx)


def _plan_by_index(tx: Transaction, others: str) -> None:
    """On PostgreSQL, read batches by their indexes even in a table that was never analysed."""
    if not tx.is_sqlite:
        tx.connection.execute(select(*(func.set_config(name, others, True) for name in NOT_BY_INDEX)))
