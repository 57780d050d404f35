"""What an audit finds: a stored value that the postings contradict, or a record that was changed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import select

from workflows.core.transaction import Transaction
from workflows.store import tables as t

MOST_DIFFERENCES = 1000
Progress = Callable[[int, int], None]
"""Is called with how many transactions were read, of how many."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored value that the postings contradict; amounts are in whole minutes, incidents or minor units.

    `record` is the id of what differs. `contract` is an id, `contract_number` what people call it; `sequence`
    is the transaction's place in its chain.
    """

    what: str
    record: str
    stored: int | str | None
    posted: int | str | None
    contract: str | None = None
    contract_number: str | None = None
    transaction: str | None = None
    sequence: int | None = None


@dataclass(slots=True)
class Counts:
    """What an audit has read."""

    transactions: int = 0
    postings: int = 0
    chains: int = 0
    checkpoints: int = 0
    differences: int = 0


def first_of(differences: Iterable[Difference], counts: Counts) -> list[Difference]:
    """The first 1,000 differences, while all of them are counted."""
    first: list[Difference] = []
    for one in differences:
        counts.differences += 1
        if len(first) < MOST_DIFFERENCES:
            first.append(one)
    return first


def with_contract_numbers(tx: Transaction, differences: list[Difference]) -> list[Difference]:
    """The differences with the numbers of their contracts, by one statement."""
    wanted = sorted({one.contract for one in differences if one.contract is not None})
    if not wanted:
        return differences
    c = t.contract
    rows = tx.connection.execute(select(c.c.id, c.c.number).where(c.c.id.in_(wanted)))
    numbers = {row.id: row.number for row in rows}
    return [replace(one, contract_number=numbers.get(one.contract or "")) for one in differences]
