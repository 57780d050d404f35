"""What a month of a contract leaves to the months after it, and what it lends to the month before.

A month's allocation is a grant. With carry-over, what is left of it at the month's end, up to a cap, becomes
another grant, which lives for some more months. With borrow, work that finds the month used up draws ahead on
the next month's allocation, up to a cap; that month begins with so much less.

    2026-03-01  M1 60m, R1 (keeps up to 30 of M1 until 05-01)
    2026-03-10  work 20m                 -> M1 20
    2026-04-01  M2 60m                   -> R1 30, and 10 of M1 expire
    2026-04-05  work 100m                -> R1 30, M2 60, and 10 of M3, where M3 lends 10 or more

Source: product.md sections 4 (support_hours_by_month) and 7 (Who pays).
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from engine.payers import NEVER, Payer, RetainedRest


class RestDue(NamedTuple):
    """A month's end, at which the grant `rest` gets what is left of the month, as far as it is retained."""

    at: datetime
    contract: str
    rest: str


class Months:
    """The months of one contract while entries are planned; `left` are the minutes of each grant by id."""

    __slots__ = ("_by_rest", "_lent", "_months", "_starts", "contract", "left", "pending", "retained")

    def __init__(self, payer: Payer, left: dict[str, int]) -> None:
        self.contract, self._months, self.left = payer.contract, payer.months, left
        self._starts = [one.starts_at for one in payer.months]
        self._by_rest = {one.rest: one for one in payer.months if one.rest is not None}
        self._lent = {one.grant: one.lent for one in payer.months}
        self.pending: set[str] = set()
        """The grants of rests that are not settled yet: their months' ends are still to come in the plan."""
        self.retained: dict[str, int] = {}

    def await_rests(self, since: datetime, until: datetime, open_grants: Iterable[str]) -> list[RestDue]:
        """The rests of the months that end in [since, until], as far as their grants can ever be drawn."""
        can_be_drawn = set(open_grants)
        due = []
        for rest, month in self._by_rest.items():
            if rest in can_be_drawn and since <= month.ends_at <= until:
                self.pending.add(rest)
                self.retained[rest] = month.retained
                due.append(RestDue(month.ends_at, self.contract, rest))
        return due

    def pull(self, rest: str, minutes: int) -> None:
        """Take up to so many minutes into a rest before its month is settled.

        Work that began in the month and went on after its end has been drawn before other work of the month.
        """
        if rest not in self.pending:
            return
        month = self._by_rest[rest]
        left = self.left
        taken = min(minutes - left[rest], month.most_retained - self.retained[rest], left[month.grant])
        if taken > 0:
            left[month.grant] -= taken
            left[rest] += taken
            self.retained[rest] += taken

    def settle(self, rest: str) -> RetainedRest | None:
        """Keep what a month has left at its end; None if that is nothing."""
        month = self._by_rest[rest]
        self.pull(rest, self.left[rest] + month.most_retained)
        self.pending.discard(rest)
        retained = self.retained[rest]
        return RetainedRest(self.contract, month.grant, rest, retained, month.ends_at) if retained else None

    def lend(self, at: datetime, minutes: int) -> tuple[str, int] | None:
        """Draw ahead up to so many minutes on the month after the one of `at`; None if it lends nothing."""
        following = bisect_right(self._starts, at)
        if not 0 < following < len(self._months):
            return None
        month = self._months[following]
        taken = min(minutes, month.most_lent - self._lent[month.grant], self.left[month.grant])
        if taken <= 0:
            return None
        self.left[month.grant] -= taken
        self._lent[month.grant] += taken
        return month.grant, taken


class Rests:
    """The rests that are to be settled while entries are planned, in the order of time."""

    def __init__(self, months: Iterable[Months], due: Iterable[RestDue], settled: list[RetainedRest]) -> None:
        self._months = {one.contract: one for one in months}
        self._due = sorted(due, reverse=True)
        self._settled = settled

    @property
    def next_at(self) -> datetime:
        """When the next month ends that keeps a rest."""
        return self._due[-1].at if self._due else NEVER

    def settle_until(self, at: datetime) -> None:
        """Settle the rests of the months that have ended by `at`."""
        while self._due and self._due[-1].at <= at:
            due = self._due.pop()
            retained = self._months[due.contract].settle(due.rest)
            if retained is not None:
                self._settled.append(retained)
