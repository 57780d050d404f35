"""The order in which a transaction locks contracts on PostgreSQL: by their ids, so that none deadlocks.

A use case may find only after it has locked one contract that it needs another with a lower id. It takes that
one if it is free. If another transaction has it, waiting could deadlock: the use case is rolled back and
run again, and locks all these contracts first, in the order of their ids.
"""

from collections.abc import Collection, Iterable


class LockedOutOfOrder(Exception):
    """A contract would have to be waited for out of order: lock `contracts` first in the next run."""

    def __init__(self, contracts: Iterable[str]) -> None:
        super().__init__("A contract is locked by another transaction.")
        self.contracts = frozenset(contracts)


class ChangedMeanwhile(Exception):
    """A row was changed by another transaction between its reading and its lock: run the use case again."""


class ContractLocks:
    """The ids of the contracts that a transaction has locked, and of those that it is to lock first.

    `runs_again` is whether the use case is run again after a `LockedOutOfOrder`; otherwise it waits, and
    PostgreSQL ends a deadlock.
    """

    __slots__ = ("_first", "_held", "runs_again")

    def __init__(self, first: Iterable[str] = (), *, runs_again: bool = False) -> None:
        self._first = frozenset(first)
        self._held: set[str] = set()
        self.runs_again = runs_again

    def take_first(self) -> frozenset[str]:
        """What is to be locked before anything else; nothing when asked again."""
        first, self._first = self._first, frozenset()
        return first

    def add(self, contracts: Iterable[str]) -> None:
        """Note that contracts have been locked."""
        self._held.update(contracts)

    def holds(self, contract: str) -> bool:
        """Whether a contract has been locked."""
        return contract in self._held

    def are_in_order(self, contracts: Collection[str]) -> bool:
        """Whether those that are not locked yet come after all that are."""
        new = [one for one in contracts if one not in self._held]
        return not new or not self._held or min(new) > max(self._held)

    def out_of_order(self, contracts: Iterable[str]) -> LockedOutOfOrder:
        """The error for contracts that another transaction has locked."""
        return LockedOutOfOrder({*self._held, *contracts})
