"""In which order the grants of a contract are drawn, and what each has left while entries are planned.

Source: product.md section 7 (Who pays).
"""

from bisect import bisect_right
from datetime import datetime
from typing import Any

from engine.contracts import DEFAULT_PRIORITY, METERED, Grant, Window, grant_window
from engine.months import Months, RestDue
from engine.payers import BEGINNING, NEVER, Payer


def burn_order(
    window: Window, grant_id: str, priority: int = DEFAULT_PRIORITY
) -> tuple[int, datetime, datetime, str]:
    """Sort key of a grant that is open in `window`.

    Lowest priority number, earliest end (none last), earliest start, lowest id.

    In SQL: `workflows.lifecycle.contracts.open_grants.burn_order_columns`. Source: product.md section 7.
    """
    return (priority, window.until or NEVER, window.start, grant_id)


class Account:
    """A payer while it is planned, with the grants that are open between two of its boundaries.

    Work comes mostly in the order of time, so the open grants are computed again only at a boundary.
    """

    __slots__ = (
        "boundaries",
        "contract",
        "currency",
        "grants",
        "is_open",
        "left",
        "metered",
        "months",
        "open",
        "payer",
        "scopes",
        "since",
        "until",
    )

    def __init__(self, payer: Payer, left: dict[str, int]) -> None:
        self.payer, self.contract, self.left = payer, payer.contract, left
        self.metered = payer.draws in METERED
        self.currency = payer.grants[0].currency if payer.grants else None
        self.grants = [
            (window, grant.id)
            for grant in sorted(payer.grants, key=lambda one: _agreed_order(one, payer))
            if (window := grant_window(grant, payer.window)) is not None
        ]
        self.months = Months(payer, left) if payer.months else None
        self.scopes = {grant.id: grant.scope for grant in payer.grants if grant.scope is not None}
        edges = {edge for window in (payer.window, *(one for one, _ in self.grants)) for edge in window}
        self.boundaries: list[datetime] = sorted(edge for edge in edges if edge is not None)
        self.since = self.until = BEGINNING
        self.is_open = False
        self.open: list[str] = []

    def move_to(self, at: datetime) -> None:
        """Find the grants that are open at `at`, and until when this stays so."""
        place = bisect_right(self.boundaries, at)
        self.since = self.boundaries[place - 1] if place else BEGINNING
        self.until = self.boundaries[place] if place < len(self.boundaries) else NEVER
        self.is_open = self.payer.window.contains(at)
        left = self.left
        unsettled = self.months.pending if self.months is not None else ()
        self.open = [
            grant_id
            for window, grant_id in self.grants
            if (left[grant_id] > 0 or grant_id in unsettled) and window.contains(at)
        ]

    def takes(self, at: datetime, minutes: int, facts: Any = None) -> list[tuple[str, int]]:
        """Take up to so many minutes from the grants open at `at`, in burn order: (grant, minutes).

        Grants with a scope give only for work with `facts` for which it holds; without any, they give none.
        """
        if not self.since <= at < self.until:
            self.move_to(at)
        if self.scopes or self.months is not None:
            return self._takes_one_by_one(minutes, facts)
        found: list[tuple[str, int]] = []
        grants, left = self.open, self.left
        while grants and minutes:
            grant_id = grants[0]
            available = left[grant_id]
            if available > minutes:
                left[grant_id] = available - minutes
                found.append((grant_id, minutes))
                break
            grants.pop(0)
            left[grant_id] = 0
            minutes -= available
            found.append((grant_id, available))
        return found

    def open_grants(self, at: datetime, facts: Any) -> list[str]:
        """The ids of the grants that pay at `at` for work with these facts, in burn order."""
        if not self.since <= at < self.until:
            self.move_to(at)
        return [one for one in self.open if self.left[one] and self._is_in_scope(one, facts)]

    def _takes_one_by_one(self, minutes: int, facts: Any) -> list[tuple[str, int]]:
        """The same where a grant has a scope, or a month keeps a rest."""
        found: list[tuple[str, int]] = []
        for grant_id in self.open:
            if not minutes:
                break
            if not self._is_in_scope(grant_id, facts):
                continue
            if self.months is not None:
                self.months.pull(grant_id, minutes)
            taken = min(minutes, self.left[grant_id])
            if taken:
                minutes -= taken
                self.left[grant_id] -= taken
                found.append((grant_id, taken))
        return found

    def _is_in_scope(self, grant_id: str, facts: Any) -> bool:
        scope = self.scopes.get(grant_id)
        return scope is None or (facts is not None and scope.holds(facts))

    def lends(self, at: datetime, minutes: int) -> tuple[str, int] | None:
        """Draw ahead up to so many minutes on the next month, where the contract lends them."""
        if self.months is None or not self.payer.window.contains(at):
            return None
        return self.months.lend(at, minutes)

    def await_rests(self, since: datetime, until: datetime) -> list[RestDue]:
        """The rests of months that are to be settled while [since, until] is planned."""
        if self.months is None:
            return []
        return self.months.await_rests(since, until, (grant_id for _, grant_id in self.grants))

    def had_minutes_before(self, at: datetime) -> bool:
        """Whether a grant that was open just before `at` has minutes left."""
        return any(
            self.left[grant_id] > 0
            for window, grant_id in self.grants
            if window.start < at and (window.until is None or window.until >= at)
        )

    def last_openings(self) -> dict[tuple[str, str], datetime]:
        """When the last of its grants opens for each of its holders, by the contract and the holder's key."""
        starts = sorted(window.start for window, _ in self.grants)
        return {(self.contract, self.payer.holder_at(start).key): start for start in starts}


def _agreed_order(grant: Grant, payer: Payer) -> tuple[int, datetime, datetime, str]:
    """The burn order of a grant by its agreed end; one that can never be drawn has any place."""
    window = grant_window(grant, payer.term or payer.window)
    return burn_order(window or payer.window, grant.id, grant.priority)
