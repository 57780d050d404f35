"""Contracts brought up to date before they are read, whether or not a job has run.

What is due may move balances of several contracts: the rest of a month that has ended, carried minutes that
a new month draws. A view of balances as of now is read after it. Source: product.md section 11.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial

from sqlalchemy import and_, bindparam, exists, select

from workflows.core.actors import SYSTEM
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_due
from workflows.lifecycle.contracts.bulk_expiry import ENDING
from workflows.store import tables as t
from workflows.store.column_types import Instant
from workflows.store.compiled_statements import Prepared
from workflows.store.id_lists import among, id_list

c = t.contract


@contextmanager
def contracts_up_to_date(tx: Transaction, contract_ids: Collection[str]) -> Iterator[Transaction]:
    """A transaction in which what is due of some contracts has been done; `tx` itself where nothing is.

    An end alone is left to the job: views compute what has expired by it.
    """
    found = [] if tx.writes or not contract_ids else due_contracts(tx, contract_ids)
    if not found:
        yield tx
        return
    settle_each(tx, found)
    with tx.runner.read(tx.actor) as fresh:
        yield fresh


def due_contracts(
    tx: Transaction, contract_ids: Collection[str], *, with_ends: bool = False
) -> Sequence[str]:
    """The ids of the contracts of the same holders of which something is due by now, in its order.

    The others of a holder are among them because they may draw the same carried minutes. `with_ends` are also
    those of which only the end is due.
    """
    wanted = {"ids": id_list(sorted(contract_ids), is_sqlite=tx.is_sqlite), "now": tx.now}
    return [row.id for row in _due(tx.is_sqlite, with_ends).all(tx.connection, wanted)]


@cache
def _due(is_sqlite: bool, with_ends: bool) -> Prepared:
    mine = c.alias("mine")
    same_holder = and_(mine.c.holder_kind == c.c.holder_kind, mine.c.holder_id == c.c.holder_id)
    theirs = exists(select(mine.c.id).where(among(mine.c.id, "ids", is_sqlite=is_sqlite), same_holder))
    due = select(c.c.id).where(c.c.next_due_at <= bindparam("now", type_=Instant, required=True), theirs)
    return Prepared((due if with_ends else due.where(~ENDING)).order_by(c.c.next_due_at, c.c.id))


def settle_each(tx: Transaction, contract_ids: Sequence[str]) -> None:
    """Make the changes of contracts that are due, each in a transaction of its own, as the jobs would."""
    for contract_id in contract_ids:
        tx.runner.perform(SYSTEM, partial(settle_due, contract_id=contract_id), repeatable=True)
