"""A check of every posting in the tests: its contract is locked, so no other transaction moves its balances.

Installed by `conftest`. SQLite has one writer, and no row locks.
"""

from typing import Any

from sqlalchemy import select, text

from workflows.core.transaction import Transaction
from workflows.ledger import journal
from workflows.store.tables import grant_balance

_IS_MINE = text(
    "SELECT xmax = pg_current_xact_id()::xid OR pg_xact_status(xmin::text::xid8) = 'in progress' "
    "FROM contract WHERE id = :id"
)
"""Whether this transaction has locked or written the contract: what others have not committed is not seen.

No row where it is about to insert it.
"""


class PostedUnlocked(AssertionError):
    """A balance would be moved of a contract that another transaction may move at the same time."""


def require_locked(tx: Transaction, contract_id: str | None) -> None:
    """Raises: PostedUnlocked."""
    if tx.is_sqlite or contract_id is None or tx.state.contract_locks.holds(contract_id):
        return
    # rows of a batch are written by one statement, which locks the contract and checks it
    if tx.state.batch is None and tx.connection.execute(_IS_MINE, {"id": contract_id}).scalar() is False:
        raise PostedUnlocked(contract_id)


def install() -> None:
    """Check every posting of this process from now on."""
    names: dict[str, Any] = vars(journal)
    rows_of, each_in_open_period = names["_rows"], names["each_in_open_period"]

    def rows_of_locked(tx: Transaction, transaction_id: str, entry: Any, contract_id: Any, *rest: Any) -> Any:
        require_locked(tx, contract_id)
        return rows_of(tx, transaction_id, entry, contract_id, *rest)

    def each_locked(tx: Transaction, entry: Any, grants: Any) -> Any:
        ids = select(grant_balance.c.contract_id).where(grants).distinct()
        for contract_id in tx.connection.execute(ids).scalars() if not tx.is_sqlite else ():
            require_locked(tx, contract_id)
        return each_in_open_period(tx, entry, grants)

    names |= {"_rows": rows_of_locked, "each_in_open_period": each_locked}
