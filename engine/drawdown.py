"""Which grants pay for time worked, and what happens to the remainder.

Source: product.md section 7.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple, get_args

from engine.contracts import Draws, Grant, Holder, TimeExpired, Window, grant_window

AllocationKind = Literal["grant", "covered", "carried", "ignored", "overage"]
ALLOCATION_KINDS: tuple[AllocationKind, ...] = get_args(AllocationKind)

NEVER = datetime.max.replace(tzinfo=UTC)
REST_KIND: dict[TimeExpired, AllocationKind] = {"rollover": "carried", "ignore": "ignored", "bill": "overage"}


@dataclass(frozen=True, slots=True)
class TimeWorked:
    """Chargeable minutes over a half-open span of work. Instants are aware UTC.

    With `ended_at` None, all minutes count at `started_at`, however long the work took. Otherwise they are
    spread evenly over the span, which is split where a contract or grant starts or ends within it.
    """

    started_at: datetime
    ended_at: datetime | None
    chargeable_minutes: int


@dataclass(frozen=True, slots=True)
class Payer:
    """A contract that may pay, with its grants and their current `available` balances."""

    contract: str
    holder: Holder
    window: Window
    draws: Draws
    grants: tuple[Grant, ...] = ()


class Slice(NamedTuple):
    """Whole minutes taken by one grant, contract or policy, effective at the instant worked (aware UTC)."""

    kind: AllocationKind
    contract: str | None
    grant: str | None
    minutes: int
    effective_at: datetime


def plan_draw_down(work: TimeWorked, payers: Sequence[Payer], time_expired: TimeExpired) -> list[Slice]:
    """Take chargeable minutes from the payers in order; the remainder is handled by the policy.

    The first payer is the covering contract; the others are those the search would choose next (cascade).
    Without a payer, all minutes are recorded as uncovered (`ignored`). The slices sum to the chargeable
    minutes.
    Units: whole minutes; instants aware UTC; windows are half-open.
    Source: product.md section 7.
    """
    left = {grant.id: grant.available for payer in payers for grant in payer.grants}
    slices: list[Slice] = []
    for start, minutes in _segments(work, payers):
        rest = minutes
        for payer in payers:
            if not rest:
                break
            if payer.window.contains(start):
                rest = _pay(payer, start, rest, left, slices)
        if rest:
            kind = REST_KIND[time_expired] if payers else "ignored"
            slices.append(Slice(kind, payers[0].contract if payers else None, None, rest, start))
    return slices


def burn_order(window: Window, grant_id: str) -> tuple[datetime, datetime, str]:
    """Sort key of a grant that is open in `window`: earliest end (none last), earliest start, lowest id.

    In SQL: `workflows.lifecycle.contracts.open_grants.burn_order_columns`. Source: product.md section 7.
    """
    return (window.until or NEVER, window.start, grant_id)


def in_burn_order(grants: Sequence[Grant], contract_window: Window, at: datetime) -> list[Grant]:
    """The grants in force at `at` (aware UTC), in the order in which they are drawn down."""
    windows = [(grant, grant_window(grant, contract_window)) for grant in grants]
    in_force = [(grant, window) for grant, window in windows if window is not None and window.contains(at)]
    return [grant for grant, window in sorted(in_force, key=lambda pair: burn_order(pair[1], pair[0].id))]


def _pay(payer: Payer, at: datetime, minutes: int, left: dict[str, int], slices: list[Slice]) -> int:
    """Take as many minutes as possible from one payer at `at`. Returns the remaining minutes."""
    if payer.draws != "minutes":
        slices.append(Slice("covered", payer.contract, None, minutes, at))
        return 0
    for grant in in_burn_order(payer.grants, payer.window, at):
        taken = min(left[grant.id], minutes)
        if taken > 0:
            left[grant.id] -= taken
            minutes -= taken
            slices.append(Slice("grant", payer.contract, grant.id, taken, at))
    return minutes


def _segments(work: TimeWorked, payers: Sequence[Payer]) -> Iterator[tuple[datetime, int]]:
    """The work, split where any window starts or ends within it: (start, chargeable minutes).

    Minutes are distributed by elapsed time, rounded down cumulatively, so that the parts sum to the whole.
    """
    start, end = work.started_at, work.ended_at
    if end is None or end <= start:
        if work.chargeable_minutes:
            yield start, work.chargeable_minutes
        return
    cuts = [*sorted({cut for cut in _boundaries(payers) if start < cut < end}), end]
    span = end - start
    given = 0
    for cut in cuts:
        due = work.chargeable_minutes * (cut - work.started_at) // span
        if due > given:
            yield start, due - given
            given = due
        start = cut


def _boundaries(payers: Sequence[Payer]) -> Iterator[datetime]:
    for payer in payers:
        windows = [payer.window, *(grant_window(grant, payer.window) for grant in payer.grants)]
        for window in windows:
            if window is not None:
                yield window.start
                if window.until is not None:
                    yield window.until
